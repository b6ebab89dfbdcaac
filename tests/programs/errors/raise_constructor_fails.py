class Needy(Exception):
    def __init__(self, a, b):
        super().__init__(a, b)


raise Needy
