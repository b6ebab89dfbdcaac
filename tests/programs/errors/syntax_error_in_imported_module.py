with open("broken.py", "w") as file:
    file.write("x = 1\ny = (\n")
import broken
