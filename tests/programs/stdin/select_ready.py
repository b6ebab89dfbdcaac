# A pipe with data, then at its end, is ready to read.
import os
import select

print(select.select([0], [], [], 1)[0], os.read(0, 100), select.select([0], [], [], 1)[0], os.read(0, 100))
