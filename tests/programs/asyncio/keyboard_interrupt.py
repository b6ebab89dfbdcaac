import asyncio
import signal


async def main():
    try:
        signal.raise_signal(signal.SIGINT)
        await asyncio.sleep(10)
    except asyncio.CancelledError:
        print("cancelled by SIGINT")
        raise


asyncio.run(main())
