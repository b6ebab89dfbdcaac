class Thing:
    def __del__(self):
        with open("note", "w") as file:
            file.write("x")
        print("written")


thing = Thing()
