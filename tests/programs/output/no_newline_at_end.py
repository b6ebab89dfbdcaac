# What is left in the buffer at the end is written.
print("no newline", end="")
