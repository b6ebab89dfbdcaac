# A module beside the program.
with open("helper.py", "w") as file:
    file.write("def call(x):\n    return x()\n\n\ndef bad():\n    raise ValueError('in helper')\n")
import helper

helper.call(lambda: helper.bad())
