import asyncio
import threading


def work():
    return threading.current_thread().name


async def main():
    print(await asyncio.to_thread(work), await asyncio.get_running_loop().run_in_executor(None, lambda: 42))


asyncio.run(main())
