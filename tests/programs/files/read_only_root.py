import os

for attempt in (
    lambda: open("/new", "w"),
    lambda: os.mkdir("/usr/lib/x"),
    lambda: os.rename("/usr/bin/python3", "/tmp/p"),
    lambda: os.listdir("/root"),
    lambda: open("/etc/shadow"),
):
    try:
        attempt()
        print("done")
    except OSError as error:
        print(type(error).__name__, error)
