import contextvars


class Thing:
    def __del__(self):
        print("del")


variable = contextvars.ContextVar("variable")
variable.set(Thing())
print("end")
