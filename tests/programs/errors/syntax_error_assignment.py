print("never")
f() = 3
