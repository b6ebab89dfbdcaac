import sys


class Probe:
    def __del__(self):
        print("finalizing", sys.is_finalizing())


probe = Probe()
print(sys.is_finalizing())
