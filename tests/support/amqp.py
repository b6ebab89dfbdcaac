"""As much of AMQP 0-9-1 as the tests of the RabbitMQ queue need: a blocking client, and a way to see frames pass.

    with amqp.Connection(port) as rabbit:
        rabbit.publish("queue", b"...", reply_to="mine", correlation_id="1")
        message = rabbit.get("mine", seconds=5)         # None, or .body, .properties, .headers, .redelivered
"""

import io
import socket
import struct
import threading
import time

METHOD, HEADER, BODY, HEARTBEAT = 1, 2, 3, 8
PUBLISH, DELIVER, ACK, NACK = (60, 40), (60, 60), (60, 80), (60, 120)
QUEUE_DECLARE = (50, 10)
PROPERTIES = ("content_type", "content_encoding", "headers", "delivery_mode", "priority", "correlation_id", "reply_to", "expiration",
              "message_id", "timestamp", "type", "user_id", "app_id", "cluster_id")


class Closed(OSError):
    """The server closed the connection or the channel; the text is its reason."""


def short(text):
    data = text.encode()
    return struct.pack(">B", len(data)) + data


def long(data):
    return struct.pack(">I", len(data)) + data


def table(fields):
    def value(v):
        if isinstance(v, bool):
            return b"t" + struct.pack(">?", v)
        if isinstance(v, int):
            return b"l" + struct.pack(">q", v)
        return b"S" + long(v.encode())
    return long(b"".join(short(key) + value(v) for key, v in fields.items()))


class Reader(io.BytesIO):
    def number(self, form):
        return struct.unpack(">" + form, self.read(struct.calcsize(">" + form)))[0]

    def short(self):
        return self.read(self.number("B")).decode()

    def long(self):
        return self.read(self.number("I"))

    def table(self):
        inner, found = Reader(self.long()), {}
        while inner.tell() < len(inner.getbuffer()):
            key = inner.short()
            found[key] = inner.value()
        return found

    def value(self):
        kind = self.read(1)
        if kind in b"SxF":
            return self.table() if kind == b"F" else (self.long().decode("utf-8", "replace"))
        if kind == b"A":
            inner, found = Reader(self.long()), []
            while inner.tell() < len(inner.getbuffer()):
                found.append(inner.value())
            return found
        return self.number({b"t": "?", b"b": "b", b"B": "B", b"s": "h", b"u": "H", b"I": "i", b"i": "I", b"l": "q", b"T": "Q",
                            b"f": "f", b"d": "d"}[kind]) if kind != b"V" else None


class Message:
    def __init__(self, body, properties, redelivered):
        self.body, self.properties, self.redelivered = body, properties, redelivered
        self.headers = properties.get("headers", {})


def read_frame(stream):
    """(kind, channel, payload); None at the end."""
    head = stream.read(7)
    if len(head) < 7:
        return None
    kind, channel, size = struct.unpack(">BHI", head)
    payload = stream.read(size + 1)
    return None if len(payload) < size + 1 else (kind, channel, payload[:-1])


def frame(kind, channel, payload):
    return struct.pack(">BHI", kind, channel, len(payload)) + payload + b"\xce"


def method_of(kind, payload):
    return struct.unpack(">HH", payload[:4]) if kind == METHOD else None


class Connection:
    """One connection with one channel, in confirm mode."""

    def __init__(self, port, user="guest", password="guest", seconds=20):
        self.socket = socket.create_connection(("127.0.0.1", port), seconds)
        self.stream = self.socket.makefile("rb")
        try:
            self.socket.sendall(b"AMQP\x00\x00\x09\x01")
            self.expect((10, 10))
            self.send((10, 11), table({}) + short("PLAIN") + long(f"\0{user}\0{password}".encode()) + short("en_US"), 0)
            tune = self.expect((10, 30))
            self.send((10, 31), struct.pack(">HIH", tune.number("H"), tune.number("I"), 0), 0)
            self.send((10, 40), short("/") + short("") + b"\0", 0)
            self.expect((10, 41))
            self.send((20, 10), short(""))
            self.expect((20, 11))
            self.send((85, 10), b"\0")
            self.expect((85, 11))
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.stream.close()
        self.socket.close()

    def send(self, method, arguments=b"", channel=1):
        self.socket.sendall(frame(METHOD, channel, struct.pack(">HH", *method) + arguments))

    def expect(self, *methods):
        """The arguments of the next of these methods."""
        while True:
            got = read_frame(self.stream)
            if got is None:
                raise Closed("the connection ended")
            kind, _, payload = got
            if kind != METHOD:
                continue
            method, arguments = method_of(kind, payload), Reader(payload[4:])
            if method in methods:
                arguments.method = method
                return arguments
            if method in ((10, 50), (20, 40)):
                code = arguments.number("H")
                raise Closed(f"{code} {arguments.short()}")

    def declare(self, queue, passive=False, durable=True, arguments=None):
        """How many messages wait in it."""
        self.send((50, 10), struct.pack(">H", 0) + short(queue) + struct.pack(">B", passive | durable << 1) + table(arguments or {}))
        answer = self.expect((50, 11))
        answer.short()
        return answer.number("I")

    def purge(self, queue):
        self.send((50, 30), struct.pack(">H", 0) + short(queue) + b"\0")
        self.expect((50, 31))

    def publish(self, queue, body, headers=None, **properties):
        """Returns once the server has confirmed it."""
        flags, data = 0, b""
        given = {"delivery_mode": 2, **properties, **({"headers": headers} if headers else {})}
        for bit, name in enumerate(PROPERTIES):
            if name not in given:
                continue
            flags |= 1 << (15 - bit)
            value = given[name]
            data += (table(value) if name == "headers" else struct.pack(">B", value) if name in ("delivery_mode", "priority") else
                     struct.pack(">Q", value) if name == "timestamp" else short(value))
        body = body if isinstance(body, bytes) else body.encode()
        self.send(PUBLISH, struct.pack(">H", 0) + short("") + short(queue) + b"\0")
        pieces = [body[n:n + 100_000] for n in range(0, len(body), 100_000)]
        self.socket.sendall(frame(HEADER, 1, struct.pack(">HHQH", 60, 0, len(body), flags) + data) +
                            b"".join(frame(BODY, 1, piece) for piece in pieces))
        if self.expect(ACK, NACK).method != ACK:
            raise Closed("the server refuses the message")

    def content(self):
        _, _, payload = read_frame(self.stream)
        head = Reader(payload)
        head.read(4)
        size, flags = head.number("Q"), head.number("H")
        properties = {}
        for bit, name in enumerate(PROPERTIES):
            if flags >> (15 - bit) & 1:
                properties[name] = (head.table() if name == "headers" else head.number("B") if name in ("delivery_mode", "priority") else
                                    head.number("Q") if name == "timestamp" else head.short())
        body = b""
        while len(body) < size:
            body += read_frame(self.stream)[2]
        return body, properties

    def get(self, queue, seconds=0):
        """Takes the next message out of the queue, waited for; None where none comes."""
        deadline = time.monotonic() + seconds
        while True:
            self.send((60, 70), struct.pack(">H", 0) + short(queue) + b"\1")
            answer = self.expect((60, 71), (60, 72))
            if answer.method == (60, 71):
                answer.number("Q")
                redelivered = answer.number("?")
                return Message(*self.content(), redelivered)
            if time.monotonic() >= deadline:
                return None
            time.sleep(0.02)

    def all(self, queue):
        """Takes all messages that are there."""
        found = []
        while (message := self.get(queue)) is not None:
            found.append(message)
        return found


class Proxy:
    """Stands between a client and the server, and calls `watch(from_client, method)` before each method passes.

    A watcher that returns False cuts the connection; the method has not passed then.
    """

    def __init__(self, port):
        self.server_port, self.watch, self.pairs = port, lambda from_client, method: True, []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.refusing = False
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            try:
                if self.refusing:
                    raise OSError("refusing")
                server = socket.create_connection(("127.0.0.1", self.server_port), 5)
                server.settimeout(None)
            except OSError:
                client.close()
                continue
            self.pairs.append((client, server))
            threading.Thread(target=self.pass_on, args=(client, server, True), daemon=True).start()
            threading.Thread(target=self.pass_on, args=(server, client, False), daemon=True).start()

    def pass_on(self, source, target, from_client):
        stream = source.makefile("rb")
        try:
            if from_client:
                target.sendall(stream.read(8))
            while (got := read_frame(stream)) is not None:
                method = method_of(got[0], got[2])
                if method and not self.watch(from_client, method):
                    break
                target.sendall(frame(*got))
        except (OSError, ValueError):
            pass
        for end in (source, target):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def cut(self):
        """Ends all connections."""
        for pair in self.pairs:
            for end in pair:
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
        self.pairs = []

    def close(self):
        self.listener.close()
        self.cut()
