x = 1
"""This text
has no end
