# The text layer and the buffer under it.
import sys

sys.stdout.write("text held back\n")
sys.stdout.buffer.write(b"bytes first\n")
sys.stdout.flush()
sys.stdout.write("text\n")
sys.stdout.buffer.write(b"bytes last\n")
