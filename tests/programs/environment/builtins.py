import builtins

print(*sorted(vars(builtins)), sep="\n")
print(license, copyright, credits, help, builtins.__debug__, hasattr(builtins, "_"))
