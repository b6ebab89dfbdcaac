# The traceback comes while the output is still held back.
print("out")
print({}["x"])
