import os

os.makedirs("d/e/f")
for name in ("b.txt", "a.txt", "d/c.txt", "d/e/f/g.txt"):
    open(name, "w").close()
print(sorted(os.listdir()), sorted(entry.name for entry in os.scandir() if entry.is_dir()))
for top, folders, names in os.walk("."):
    folders.sort()
    print(top, folders, sorted(names))
os.rename("a.txt", "d/moved.txt")
os.remove("b.txt")
print(os.path.exists("a.txt"), os.path.isfile("d/moved.txt"), sorted(os.listdir("d")))
os.rmdir("d")
