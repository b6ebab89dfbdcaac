import sys
sys.modules['__main__'] = None
print("x")
