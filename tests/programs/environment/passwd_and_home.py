import os
import pathlib

print(os.path.expanduser("~"), pathlib.Path.home(), pathlib.Path.cwd(), os.path.realpath("main.py"))
