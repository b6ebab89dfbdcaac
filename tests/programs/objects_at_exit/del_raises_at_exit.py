class Thing:
    def __del__(self):
        raise ValueError("at exit")


thing = Thing()
print("end")
