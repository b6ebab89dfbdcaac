for number in range(60000):
    print(number)
