# Nothing has been moved to the permanent generation.
import gc

print(gc.get_freeze_count())
