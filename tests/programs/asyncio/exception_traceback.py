import asyncio


async def inner():
    await asyncio.sleep(0)
    raise ValueError("deep in a coroutine")


async def outer():
    await inner()


asyncio.run(outer())
