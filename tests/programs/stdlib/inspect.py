import inspect


def function(a, b: int = 2, *args, c, d=None, **options) -> str:
    """The documentation.

    More of it.
    """
    # a comment
    return str(a)


class Thing:
    def method(self):
        return 1


print(inspect.signature(function), inspect.getdoc(function), inspect.getsource(function), inspect.getsourcelines(Thing.method), inspect.getfile(function))
print(inspect.getfullargspec(function), inspect.isclass(Thing), inspect.getmodule(Thing), inspect.getcomments(function), inspect.getsourcefile(Thing))
print([name for name, value in inspect.getmembers(Thing) if not name.startswith("__")], inspect.signature(function).bind(1, c=2))
inspect.getsource(len)
