files = []
try:
    while True:
        files.append(open("/dev/null"))
except OSError as error:
    print(len(files), error)
