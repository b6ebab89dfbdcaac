with open(0, "rb", closefd=False, buffering=0) as file:
    print(file.read())
