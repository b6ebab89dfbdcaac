import sys


class Leaver:
    def __del__(self):
        print("leaving again")
        sys.exit(4)


leaver = Leaver()
sys.exit(2)
