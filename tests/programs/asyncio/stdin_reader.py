# Standard input, a pipe, as an asyncio stream.
import asyncio
import sys


async def main():
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    async for line in reader:
        print(line)


asyncio.run(main())
