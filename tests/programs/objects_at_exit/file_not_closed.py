# Text left in an unclosed file is written when it goes.
import os


class Check:
    def __del__(self):
        print(os.path.getsize("file.txt"))


zz_check = Check()
file = open("file.txt", "w")
file.write("buffered")
print(os.path.getsize("file.txt"))
