# The root is read-only.
try:
    open("/usr/new_file", "w")
except OSError as error:
    print(error.errno, error.strerror, error.filename)
open("/usr/bin/python3", "ab")
