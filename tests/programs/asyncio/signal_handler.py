import asyncio
import os
import signal


async def main():
    event = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, event.set)
    os.kill(os.getpid(), signal.SIGUSR1)
    await event.wait()
    print("signal seen")


asyncio.run(main())
