# The traceback goes to what sys.stderr is.
import sys


class Shout:
    def write(self, text):
        sys.stdout.write(text.upper())

    def flush(self):
        pass


sys.stderr = Shout()
raise ValueError("loud")
