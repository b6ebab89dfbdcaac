"""Standard output and error under other names: what they hold is written when they go."""
import sys

out, sys.stdout, sys.__stdout__ = sys.stdout, None, None
error, sys.stderr, sys.__stderr__ = sys.stderr, None, None
out.write("kept back")
error.write("kept back too")
