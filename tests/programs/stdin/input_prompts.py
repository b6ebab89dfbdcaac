# A prompt goes to stdout when stdin is no terminal.
import sys

name = input("name? ")
sys.stderr.write("between\n")
age = int(input("age? "))
print(name, age)
