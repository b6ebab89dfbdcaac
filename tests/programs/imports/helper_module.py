import os
import sys

with open("helper.py", "w") as file:
    file.write("'''Doc.'''\nprint('importing', __name__)\nvalue = 42\n")
import helper
import helper as again

print(helper.value, helper.__file__, helper.__doc__, again is helper, helper.__spec__.origin, helper.__cached__)
print(os.path.exists("__pycache__"), sys.modules["helper"], sorted(os.listdir("__pycache__")))
