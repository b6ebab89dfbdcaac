# What the interpreter does not load by itself.
import sys

wanted = "json re random threading asyncio collections functools traceback linecache warnings tokenize logging inspect ast weakref"
print([name for name in wanted.split() if name in sys.modules])
