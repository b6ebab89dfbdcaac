import sys

sys.modules["sys"] = 5
print("still here")
