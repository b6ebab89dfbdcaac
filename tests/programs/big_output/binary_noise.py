import random
import sys

random.seed(7)
sys.stdout.buffer.write(random.randbytes(200000))
