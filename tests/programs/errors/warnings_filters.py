# The filters at the start of a program.
import sys
import warnings

print(sys.warnoptions)
for entry in warnings.filters:
    print(entry)
print(warnings.showwarning.__module__, warnings.defaultaction, warnings.onceregistry)
