# A stdout closed by the program itself is no error at the end.
import sys

print("written by close")
sys.stdout.close()
