# With the source gone, the traceback has no lines.
import os

os.remove("main.py")
raise ValueError("no source")
