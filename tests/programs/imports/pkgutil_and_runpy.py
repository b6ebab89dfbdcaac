import pkgutil
import runpy

with open("script.py", "w") as file:
    file.write("print('script', __name__, __file__)\nresult = 7\n")
print(runpy.run_path("script.py")["result"])
print([m.name for m in pkgutil.iter_modules(["/tmp"])], pkgutil.resolve_name("json:dumps").__name__)
print(sorted(m.name for m in pkgutil.iter_modules(__import__("json").__path__)))
runpy.run_path("script.py", run_name="__main__")
