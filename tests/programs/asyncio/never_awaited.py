import asyncio


async def work():
    pass


async def main():
    work()
    print("main ends")


asyncio.run(main())
