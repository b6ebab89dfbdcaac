import os

print(os.listdir("/dev"), os.devnull, repr(open("/dev/null").read()))
with open("/dev/null", "w") as file:
    print(file.write("gone"), file.isatty())
