class Recorder:
    def __init__(self):
        object.__setattr__(self, "log", [])

    def __getattr__(self, name):
        self.log.append(("get", name))
        return len(name)

    def __setattr__(self, name, value):
        self.log.append(("set", name, value))

    def __delattr__(self, name):
        self.log.append(("del", name))

    def __dir__(self):
        return ["b", "a"]

    def __contains__(self, x):
        return True

    def __call__(self, *args, **options):
        return args, options


r = Recorder()
r.x = 1
del r.y
print(r.anything, r.log, dir(r), 5 in r, r(1, a=2), getattr(r, "zz", None))
r.__missing_dunder__()
len(r)
