import traceback

for attempt in (lambda: "ü".encode("ascii"), lambda: b"\xff\xfe".decode(), lambda: "\udc80".encode()):
    try:
        attempt()
    except UnicodeError as error:
        print(error, error.start, error.end, error.reason)
"äöü".encode("ascii")
