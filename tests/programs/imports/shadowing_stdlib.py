# A file beside the program hides a module of the library.
with open("colorsys.py", "w") as file:
    file.write("print('not the library', __file__)\n")
import colorsys
