import sys
sys.stderr.buffer.detach()
