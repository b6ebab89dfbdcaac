import sys

print(sys.builtin_module_names, len(sys.stdlib_module_names), sep="\n")
