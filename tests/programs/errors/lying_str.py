class Liar(Exception):
    def __str__(self):
        raise TypeError("no text for you")


raise Liar("x")
