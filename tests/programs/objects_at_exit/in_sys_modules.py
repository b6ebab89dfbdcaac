# Kept alive by other modules.
import json
import sys
import types


class Thing:
    def __init__(self, name):
        self.name = name

    def __del__(self):
        print("del", self.name)


json.kept = Thing("in json")
sys.kept = Thing("in sys")
module = types.ModuleType("extra")
module.kept = Thing("in an extra module")
sys.modules["extra"] = module
del module
print("end")
