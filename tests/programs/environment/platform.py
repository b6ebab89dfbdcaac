import platform

print(platform.python_implementation(), platform.python_version(), platform.python_build(), platform.python_compiler())
print(platform.system(), platform.machine() != "", platform.libc_ver(), platform.python_branch())
