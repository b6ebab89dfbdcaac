import asyncio
import warnings

try:
    asyncio.get_running_loop()
except RuntimeError as error:
    print(error)
loop = asyncio.get_event_loop()
print(loop.is_running(), loop.is_closed())
