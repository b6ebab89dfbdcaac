class Thing:
    count = 0

    def __del__(self):
        Thing.count += 1
        print("del", Thing.count)
        if Thing.count < 4:
            globals()["again"] = Thing()


thing = Thing()
