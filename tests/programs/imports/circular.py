with open("first.py", "w") as file:
    file.write("import second\nx = 1\n")
with open("second.py", "w") as file:
    file.write("from first import x\n")
import first
