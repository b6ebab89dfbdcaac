class A:
    @property
    def value(self):
        return self.missing

    def __getattr__(self, name):
        raise AttributeError(f"really no {name}")


print(A().value)
