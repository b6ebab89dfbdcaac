import asyncio
import sys


async def leave():
    sys.exit(17)


async def main():
    asyncio.create_task(leave())
    await asyncio.sleep(10)


asyncio.run(main())
