# The simplest program.
print("Hello, world")
