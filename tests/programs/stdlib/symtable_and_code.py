import code
import codeop
import symtable

table = symtable.symtable("def f(a):\n    global g\n    b = a\n    return lambda: b\n", "x", "exec")
f = table.get_children()[0]
print(table.get_identifiers(), f.get_parameters(), f.get_locals(), f.get_globals(), [c.get_frees() for c in f.get_children()])
print(codeop.compile_command("if x:"), codeop.compile_command("x = 1") is not None)
interpreter = code.InteractiveInterpreter({"x": 5})
interpreter.runsource("x * 2")
interpreter.runsource("1 / 0")
interpreter.runsource("x = = 1")
print("end")
