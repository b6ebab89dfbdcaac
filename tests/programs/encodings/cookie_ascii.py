# coding: ascii
print("only ASCII here")
