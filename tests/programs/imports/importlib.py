import importlib
import importlib.util
import sys

with open("reloaded.py", "w") as file:
    file.write("x = 1\n")
module = importlib.import_module("reloaded")
module.y = 2
importlib.reload(module)
print(module.x, module.y, importlib.util.find_spec("no_such"), importlib.util.find_spec("json").origin)
spec = importlib.util.spec_from_loader("made", loader=None)
made = importlib.util.module_from_spec(spec)
exec("z = 5", vars(made))
sys.modules["made"] = made
import made as again

print(again.z)
importlib.import_module(".relative")
