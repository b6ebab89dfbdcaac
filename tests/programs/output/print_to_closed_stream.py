# Printing to a closed stdout raises, and the traceback still comes.
import sys

sys.stdout.close()
print("lost")
