import os
import stat
import sys

for descriptor in (0, 1, 2):
    mode = os.fstat(descriptor).st_mode
    print(stat.S_ISFIFO(mode), stat.S_ISSOCK(mode), stat.S_ISREG(mode), stat.S_ISCHR(mode), os.isatty(descriptor))
print(sys.stdin.seekable(), os.get_blocking(0), os.get_inheritable(0))
