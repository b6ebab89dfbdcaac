import sysconfig

print(sysconfig.get_platform(), sysconfig.get_python_version(), sysconfig.get_path("stdlib"), sysconfig.get_default_scheme())
