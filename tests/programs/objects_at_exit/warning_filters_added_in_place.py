import _warnings, os
_warnings.filters.insert(0, ('always', None, ResourceWarning, None, 0))
it = os.scandir('/')
