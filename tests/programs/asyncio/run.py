import asyncio


async def main():
    print("hello")
    await asyncio.sleep(0.001)
    return "result"


print(asyncio.run(main()))
