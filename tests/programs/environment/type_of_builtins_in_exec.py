exec("print(__name__, '__builtins__' in globals())", {})
scope = {}
exec("x = len([1])", scope)
print(sorted(scope), type(scope["__builtins__"]))
