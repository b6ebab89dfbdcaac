import sys
class A:
    def __del__(self): print("del A")
sys.stdin.a = A()
