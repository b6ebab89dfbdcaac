import os
import shutil

os.mkdir("src")
for name in "abc":
    with open(f"src/{name}.txt", "w") as file:
        file.write(name * 1000)
shutil.copy("src/a.txt", "copy.txt")
shutil.copy2("src/a.txt", "copy2.txt")
shutil.copytree("src", "dst")
shutil.move("dst/b.txt", "moved.txt")
print(sorted(os.listdir()), sorted(os.listdir("dst")), os.path.getsize("copy2.txt"))
shutil.rmtree("src")
print(os.path.exists("src"), shutil.which("python3"), shutil.which("no-such"), shutil.disk_usage("/tmp").total)
shutil.copy("none", "x")
