import sys

print(sys.executable, sys._base_executable, sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix)
print(sys.platlibdir, sys.pycache_prefix, sys.dont_write_bytecode, sys._framework, sys._home, sys._git)
