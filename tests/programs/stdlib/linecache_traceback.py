import linecache
import sys
import traceback

print(repr(linecache.getline(__file__, 1)), repr(linecache.getline(__file__, 999)), linecache.getlines("none"))
linecache.cache["<made>"] = (20, None, ["first made line\n", "second made line\n"], "<made>")
try:
    exec(compile("\n1 / 0", "<made>", "exec"))
except ZeroDivisionError:
    traceback.print_exc(file=sys.stdout)
linecache.checkcache()
print(traceback.format_list([("f.py", 3, "name", "text")]), traceback.format_exception_only(ValueError("x")))
