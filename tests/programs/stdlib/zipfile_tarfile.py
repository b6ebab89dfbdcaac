import tarfile
import zipfile

with zipfile.ZipFile("a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
    info = zipfile.ZipInfo("one.txt", (2020, 1, 2, 3, 4, 6))
    archive.writestr(info, "one " * 50)
    archive.write("main.py")
with zipfile.ZipFile("a.zip") as archive:
    print(archive.namelist(), archive.testzip(), archive.getinfo("one.txt"), archive.read("one.txt")[:8])
with tarfile.open("a.tar.gz", "w:gz") as archive:
    archive.add("main.py", "renamed.py")
with tarfile.open("a.tar.gz") as archive:
    archive.extractall("out")
    print(archive.getnames(), archive.getmember("renamed.py").mode)
print(open("out/renamed.py").readline(), end="")
zipfile.ZipFile("main.py")
