# A subclass whose code is a property that fails.
class Odd(SystemExit):
    @property
    def code(self):
        raise ValueError("no code")


raise Odd(5)
