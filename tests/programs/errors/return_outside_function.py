# Found by the compiler after the parser, so not by parsing alone.
print("never")
return 3
