print(sorted([3, 1, "a"], key=lambda x: x + 1))
