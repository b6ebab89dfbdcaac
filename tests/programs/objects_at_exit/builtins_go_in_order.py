import builtins


class Loud:
    def __init__(self, name):
        self.name = name

    def __del__(self):
        print("gone:", self.name)


builtins.aa = Loud("aa")
builtins.bb = Loud("bb")
builtins.cc = Loud("cc")
builtins.len = Loud("len")
