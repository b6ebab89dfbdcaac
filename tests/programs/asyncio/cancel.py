import asyncio


async def work():
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError as error:
        print("cancelled", error)
        raise


async def main():
    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel("enough")
    try:
        await task
    except asyncio.CancelledError:
        print(task.cancelled())


asyncio.run(main())
