with open("n.txt", "w", newline="\r\n") as file:
    file.write("a\nb\n")
print(open("n.txt", "rb").read(), open("n.txt").read(), repr(open("n.txt", newline="").read()))
