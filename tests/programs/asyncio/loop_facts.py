import asyncio


async def main():
    loop = asyncio.get_running_loop()
    print(loop.get_debug(), type(loop).__name__, type(asyncio.get_event_loop_policy()).__name__)
    print(asyncio.current_task().get_name(), len(asyncio.all_tasks()))


asyncio.run(main())
