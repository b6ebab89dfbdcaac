# This source has carriage returns before its line feeds.
text = """one
two"""
print(repr(text))
raise ValueError(text)
