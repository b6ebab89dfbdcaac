# Modules of the terminal, where there is no terminal.
import os
import termios
import tty

try:
    termios.tcgetattr(0)
except termios.error as error:
    print(error.args)
try:
    os.get_terminal_size()
except OSError as error:
    print(error)
import shutil

print(shutil.get_terminal_size(), os.isatty(1))
tty.setraw(0)
