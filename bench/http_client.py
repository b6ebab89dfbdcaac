"""A keep-alive HTTP connection that costs the server's machine little: whole requests as bytes, Content-Length read."""

import re
import socket
import struct

TIMEOUT_SECONDS = 120
READ_SIZE = 1 << 18
LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]+)", re.IGNORECASE)


def request_bytes(path, body, host="bench"):
    """A POST of JSON as it goes over the wire."""
    return (f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n").encode() + body


class Connection:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # By the kernel: Python's own timeouts ask poll(2) before every call.
        seconds = struct.pack("ll", TIMEOUT_SECONDS, 0)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, seconds)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, seconds)

    def ask(self, request):
        """(status, body) of one prepared request."""
        self.socket.sendall(request)
        data = self.socket.recv(READ_SIZE)
        while (end := data.find(b"\r\n\r\n")) < 0:
            data += self.more()
        length = LENGTH.search(data, 0, end + 2)
        if not length:
            raise OSError(f"an answer without Content-Length: {data[:end]!r}")
        missing = end + 4 + int(length[1]) - len(data)
        if missing > 0:
            parts = [data]
            while missing > 0:
                parts.append(self.more())
                missing -= len(parts[-1])
            data = b"".join(parts)
        return int(data[9:12]), data[end + 4:]

    def more(self):
        data = self.socket.recv(READ_SIZE)
        if not data:
            raise OSError("the server closed the connection")
        return data

    def close(self):
        self.socket.close()
