with open("a.txt", "w") as file:
    print(file.write("one\ntwo\nthree"), file.tell(), file.name, file.mode)
with open("a.txt", "a+") as file:
    file.write("\nfour")
    file.seek(0)
    print(file.readlines())
with open("a.txt", "r+b") as file:
    file.seek(4)
    file.write(b"TWO")
    file.truncate(9)
print(repr(open("a.txt").read()))
