# The collector is on, with its usual thresholds.
import gc

print(gc.isenabled(), gc.get_threshold(), gc.get_debug(), gc.garbage, len(gc.callbacks))
