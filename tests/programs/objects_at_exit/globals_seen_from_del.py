# What a __del__ still finds at the end.
import os
import sys

text = "a global"


class Thing:
    def __del__(self):
        print(text, os and os.name, sys and sys.version_info[0], open)


thing = Thing()
zz_later = "later"
