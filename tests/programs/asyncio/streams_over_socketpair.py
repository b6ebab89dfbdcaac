import asyncio
import socket


async def main():
    left, right = socket.socketpair()
    reader, writer = await asyncio.open_connection(sock=left)
    other_reader, other_writer = await asyncio.open_connection(sock=right)
    writer.write(b"hello\n")
    print(await other_reader.readline())
    other_writer.write(b"x" * 100000)
    other_writer.write_eof()
    print(len(await reader.read()))
    writer.close()
    other_writer.close()


asyncio.run(main())
