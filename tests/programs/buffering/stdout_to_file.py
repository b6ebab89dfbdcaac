# stdout sent to a file by dup2 and brought back.
import os
import sys

print("before")
sys.stdout.flush()
saved = os.dup(1)
descriptor = os.open("log.txt", os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
os.dup2(descriptor, 1)
print("into the file")
sys.stdout.flush()
os.dup2(saved, 1)
print("after", open("log.txt").read())
