import os

print(os.getpid(), os.getuid(), os.geteuid(), os.getgid(), os.getegid(), os.getgroups(), os.getcwd())
print(os.umask(0o77), os.sep, os.linesep, os.name, os.curdir)
