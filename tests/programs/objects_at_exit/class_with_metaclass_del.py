class Meta(type):
    def __del__(cls):
        print("class deleted", cls.__name__)


class Thing(metaclass=Meta):
    pass


print("end")
