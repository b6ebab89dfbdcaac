class Liar(Exception):
    def __str__(self):
        return 42


raise Liar("x")
