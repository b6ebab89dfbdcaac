# -*- coding: latin-1 -*-
# The bytes of this file are UTF-8, and it says they are latin-1.
text = "äöü€"
print(len(text), ascii(text))
raise ValueError("ü")
