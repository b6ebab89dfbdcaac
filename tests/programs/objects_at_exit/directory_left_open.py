"""A directory iterator is no container; it complains all the same once warnings are wanted."""
import os
import sys
import warnings

warnings.simplefilter("always")
entries = os.scandir("/tmp")
next(entries, None)
del os, sys, warnings
