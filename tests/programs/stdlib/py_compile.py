import compileall
import os
import py_compile

with open("good.py", "w") as file:
    file.write("x = 1\n")
with open("bad.py", "w") as file:
    file.write("x = = 1\n")
print(py_compile.compile("good.py"), compileall.compile_file("good.py", quiet=1), sorted(os.listdir("__pycache__")))
print(compileall.compile_dir(".", quiet=1, rx=__import__("re").compile("main")))
py_compile.compile("bad.py", doraise=True)
