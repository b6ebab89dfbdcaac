# An unclosed file warns nobody by default.
def f():
    handle = open(__file__)


f()
print("end")
