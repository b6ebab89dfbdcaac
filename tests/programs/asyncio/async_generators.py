import asyncio
import contextlib


async def numbers():
    try:
        for number in range(10):
            yield number
            await asyncio.sleep(0)
    finally:
        print("closed")


@contextlib.asynccontextmanager
async def manager():
    print("enter")
    yield "value"
    print("exit")


async def main():
    async with manager() as value:
        async for number in numbers():
            if number == 3:
                break
    print([n * 2 async for n in numbers() if n % 2])


asyncio.run(main())
