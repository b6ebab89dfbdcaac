"""Stands between a service and a redis-server, and holds up what passes where a test wants it.

    proxy = redis_proxy.Proxy(redis.path)
    proxy.watch = lambda connection, from_client, data: ...   # called before each piece passes; it may block
    service = executor_service.Service(EXECUTOR_REDIS_URL=proxy.url, ...)
    proxy.close()

A watcher that returns False ends the connection; the piece has not passed then.
"""

import os
import shutil
import socket
import tempfile
import threading

PIECE = 1 << 20


class Proxy:
    def __init__(self, server_path):
        self.server_path, self.watch, self.ends = server_path, lambda connection, from_client, data: True, []
        self.folder = tempfile.mkdtemp(prefix="executor-redis-proxy-")
        os.chmod(self.folder, 0o755)  # the service is another user
        path = os.path.join(self.folder, "socket")
        self.url = f"unix://{path}"
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        os.chmod(path, 0o777)
        self.listener.listen()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            try:
                server.connect(self.server_path)
            except OSError:
                client.close()
                continue
            self.ends += [client, server]
            for source, target, from_client in ((client, server, True), (server, client, False)):
                threading.Thread(target=self.pass_on, args=(client, source, target, from_client), daemon=True).start()

    def pass_on(self, connection, source, target, from_client):
        try:
            while (data := source.recv(PIECE)) and self.watch(connection, from_client, data):
                target.sendall(data)
        except OSError:
            pass
        shut(source, target)

    def close(self):
        self.listener.close()
        shut(*self.ends)
        shutil.rmtree(self.folder, ignore_errors=True)


def shut(*ends):
    for end in ends:
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
