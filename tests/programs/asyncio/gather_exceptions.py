import asyncio


async def work(number):
    if number == 1:
        raise ValueError("one")
    return number


async def main():
    print(await asyncio.gather(*(work(n) for n in range(3)), return_exceptions=True))
    await asyncio.gather(*(work(n) for n in range(3)))


asyncio.run(main())
