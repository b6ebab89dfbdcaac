import importlib.abc
import importlib.util
import sys


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path, target=None):
        return importlib.util.spec_from_loader(name, self) if name.startswith("virtual_") else None

    def exec_module(self, module):
        module.name = module.__name__.upper()


sys.meta_path.append(Finder())
import virtual_thing

print(virtual_thing.name, virtual_thing)
import virtually_nothing
