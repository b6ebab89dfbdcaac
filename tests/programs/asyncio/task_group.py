import asyncio


async def fail(text):
    raise ValueError(text)


async def main():
    async with asyncio.TaskGroup() as group:
        group.create_task(fail("first"))
        group.create_task(fail("second"))
        group.create_task(asyncio.sleep(10))


asyncio.run(main())
