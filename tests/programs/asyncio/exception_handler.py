import asyncio


async def main():
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda loop, context: print(context["message"], repr(context["exception"])))
    loop.call_soon(lambda: 1 / 0)
    await asyncio.sleep(0.01)


asyncio.run(main())
