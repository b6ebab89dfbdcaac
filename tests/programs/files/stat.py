import os
import stat

with open("s.bin", "wb") as file:
    file.write(b"x" * 12345)
os.chmod("s.bin", 0o640)
os.utime("s.bin", (1000, 2000))
info = os.stat("s.bin")
print(info.st_size, oct(info.st_mode), stat.filemode(info.st_mode), info.st_uid, info.st_gid, info.st_atime, info.st_mtime, info.st_nlink)
os.truncate("s.bin", 10)
print(os.path.getsize("s.bin"), os.access("s.bin", os.X_OK), os.access("/usr", os.W_OK))
