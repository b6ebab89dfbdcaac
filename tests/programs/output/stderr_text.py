# stderr escapes what it cannot encode; stdout is strict.
import sys

sys.stderr.write("plain, ü, lone \udc80 surrogate\n")
print(sys.stderr.errors, sys.stdout.errors, sys.stdin.errors)
