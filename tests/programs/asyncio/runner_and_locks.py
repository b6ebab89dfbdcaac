import asyncio


async def critical(lock, log, name):
    async with lock:
        log.append(f"{name} in")
        await asyncio.sleep(0)
        log.append(f"{name} out")


async def main():
    log, lock = [], asyncio.Lock()
    await asyncio.gather(*(critical(lock, log, n) for n in "abc"))
    print(log)


with asyncio.Runner() as runner:
    runner.run(main())
    runner.run(asyncio.sleep(0))
