# A task whose exception nobody asks for.
import asyncio


async def fail():
    raise ValueError("nobody asks")


async def main():
    task = asyncio.create_task(fail(), name="the-task")
    await asyncio.sleep(0.01)
    print("main ends", task.done())


asyncio.run(main())
