import codecs
import os


class Loud:
    def __init__(self, name):
        self.name = name

    def __del__(self):
        print("gone:", self.name)


os.held = Loud("held by os")
codecs.held = Loud("held by codecs")
os.out = open(1, "w", closefd=False)
os.out.write("buffered in a file that os holds\n")
