class Meta(type):
    @classmethod
    def __prepare__(mcs, name, bases, **options):
        print("prepare", name, options)
        return {"made_by": "Meta"}

    def __new__(mcs, name, bases, namespace, **options):
        print("new", name, sorted(k for k in namespace if not k.startswith("__")))
        return super().__new__(mcs, name, bases, namespace)

    def __init__(cls, name, bases, namespace, **options):
        super().__init__(name, bases, namespace)

    def __call__(cls, *args):
        print("call", cls.__name__)
        return super().__call__(*args)


class Base(metaclass=Meta, option=1):
    def __init_subclass__(cls, **options):
        print("subclass", cls.__name__, options)


class Child(Base):
    x = 1


print(type(Child()), Child.made_by)


class Other(type):
    pass


class Conflict(Base, metaclass=Other):
    pass
