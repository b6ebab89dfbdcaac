import os

print(os.path.samefile(__file__, "main.py"), os.path.basename(__file__))
with open("main.py", "w") as file:
    file.write("print('other')\n")
import main
