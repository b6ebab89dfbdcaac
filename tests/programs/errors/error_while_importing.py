with open("failing.py", "w") as file:
    file.write("import json\n1 / 0\n")
import failing
