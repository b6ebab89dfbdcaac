# A loop left with a task in it.
import asyncio


async def work():
    try:
        await asyncio.sleep(60)
    finally:
        print("work left")


loop = asyncio.new_event_loop()
task = loop.create_task(work(), name="left")
loop.run_until_complete(asyncio.sleep(0.01))
loop.close()
print("end")
