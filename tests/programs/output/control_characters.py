# NUL, bell, escape and carriage return pass unchanged.
print("a\0b\a\x1b[31mred\x1b[0m\rback\tend\x7f")
