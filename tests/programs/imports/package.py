import os

os.makedirs("pack/sub")
for name, text in {
    "pack/__init__.py": "from . import one\n__all__ = ['one', 'two']\n",
    "pack/one.py": "name = __name__\npackage = __package__\n",
    "pack/two.py": "from .one import name as other\nfrom .sub.deep import x\n",
    "pack/sub/deep.py": "from ..one import package\nx = package * 2\n",
    "pack/__main__.py": "print('main of', __package__, __name__)\n",
}.items():
    with open(name, "w") as file:
        file.write(text)
from pack import *
import pack.sub
import runpy

print(one.name, two.x, pack.sub, pack.__path__)
runpy.run_module("pack", run_name="__main__")
