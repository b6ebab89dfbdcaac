# The path in the traceback is absolute.
import os

os.mkdir("d")
os.chdir("d")
raise ValueError(__file__)
