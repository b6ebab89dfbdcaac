# Every byte value through the binary layer.
import sys

sys.stdout.buffer.write(bytes(range(256)))
