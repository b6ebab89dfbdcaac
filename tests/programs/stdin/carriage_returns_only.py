while True:
    try:
        print(repr(input()))
    except EOFError as error:
        print(error)
        break
