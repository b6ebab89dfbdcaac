# walk_stack(None) counts frames of its own and fails at the bottom of the stack.
import traceback

print(traceback.extract_stack())
for frame, line in traceback.walk_stack(None):
    print(line)
