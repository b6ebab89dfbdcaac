import asyncio
import os


async def main():
    read_end, write_end = os.pipe()
    loop = asyncio.get_running_loop()
    data = loop.create_future()
    loop.add_reader(read_end, lambda: data.done() or data.set_result(os.read(read_end, 100)))
    loop.call_later(0.01, os.write, write_end, b"through a pipe")
    print(await data)
    loop.remove_reader(read_end)


asyncio.run(main())
