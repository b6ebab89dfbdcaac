import _warnings, os
_warnings.filters.clear()
it = os.scandir('/')
