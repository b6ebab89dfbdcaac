import asyncio


async def work(number):
    await asyncio.sleep(0.1 * (3 - number))
    print("done", number)
    return number * 10


async def main():
    print(await asyncio.gather(*(work(n) for n in range(3))))


asyncio.run(main())
