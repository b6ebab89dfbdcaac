import asyncio


async def main():
    try:
        async with asyncio.timeout(0.01):
            await asyncio.sleep(10)
    except TimeoutError:
        print("timed out")
    await asyncio.wait_for(asyncio.sleep(10), 0.01)


asyncio.run(main())
