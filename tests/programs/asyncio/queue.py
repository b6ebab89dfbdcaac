import asyncio


async def producer(queue):
    for number in range(5):
        await queue.put(number)
    await queue.put(None)


async def main():
    queue = asyncio.Queue(2)
    task = asyncio.create_task(producer(queue))
    while (item := await queue.get()) is not None:
        print(item)
    await task


asyncio.run(main())
