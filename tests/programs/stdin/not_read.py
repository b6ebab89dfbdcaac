# Much input that nobody reads.
print("done")
