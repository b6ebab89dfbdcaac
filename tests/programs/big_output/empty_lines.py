print("\n" * 500000, end="")
