"""A network of a test's own between a client and its server, which can be cut: what is sent then is lost without a word.

    network = partition.Network()                       # a network namespace, joined by a pair of virtual devices
    port = network.way_to(socket.AF_UNIX, "/path")      # connections to network.address, port go through it to the server
    network.cut(); network.heal()
    network.close()

The other end of the wire is a relay in the namespace; between it and the client stand real TCP and real silence. Where the
network is cut, the server hears nothing more either.
"""

import ctypes
import os
import shutil
import socket
import subprocess
import threading

import must_run

CLONE_NEWNET = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)


def need():
    """For setUpModule."""
    must_run.need(shutil.which("ip"), "ip")
    must_run.need(os.geteuid() == 0, "root, for a network namespace")


def ip(*words):
    subprocess.run(["ip", *map(str, words)], check=True, capture_output=True)


class Network:
    def __init__(self):
        number = os.getpid() % 16384
        self.near, self.far = f"executor-n{number}", f"executor-f{number}"
        net = f"198.18.{number // 64}.{number % 64 * 4}".rsplit(".", 1)
        here, self.address = (f"{net[0]}.{int(net[1]) + end}" for end in (1, 2))
        self.sockets = []
        self.host = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        self.inside = self.make_namespace()
        ip("link", "add", self.near, "type", "veth", "peer", "name", self.far, "netns", f"/proc/{os.getpid()}/fd/{self.inside}")
        try:
            ip("addr", "add", f"{here}/30", "dev", self.near)
            ip("link", "set", self.near, "up")
            self.within(lambda: (ip("addr", "add", f"{self.address}/30", "dev", self.far), ip("link", "set", self.far, "up")))
        except BaseException:
            self.close()
            raise

    def in_thread(self, function):
        """Namespaces are a thread's own."""
        found = []

        def run():
            try:
                found.append((function(), None))
            except BaseException as error:
                found.append((None, error))
        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
        if found[0][1]:
            raise found[0][1]
        return found[0][0]

    def make_namespace(self):
        def unshare():
            if libc.unshare(CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "unshare")
            return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        return self.in_thread(unshare)

    def within(self, function):
        def run():
            if libc.setns(self.inside, CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns")
            return function()
        return self.in_thread(run)

    def way_to(self, family, address):
        """The port of a relay to this server."""
        listener = self.within(lambda: socket.create_server((self.address, 0)))
        self.sockets.append(listener)
        threading.Thread(target=self.accept, args=(listener, family, address), daemon=True).start()
        return listener.getsockname()[1]

    def accept(self, listener, family, address):
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            server = socket.socket(family)
            try:
                server.connect(address)
            except OSError:
                client.close()
                server.close()
                continue
            self.sockets += [client, server]
            for source, target in ((client, server), (server, client)):
                threading.Thread(target=self.pass_on, args=(source, target), daemon=True).start()

    @staticmethod
    def pass_on(source, target):
        try:
            while data := source.recv(65536):
                target.sendall(data)
        except OSError:
            pass
        for end in (source, target):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def cut(self):
        self.within(lambda: ip("link", "set", self.far, "down"))

    def heal(self):
        self.within(lambda: ip("link", "set", self.far, "up"))

    def close(self):
        for each in self.sockets:
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            each.close()
        subprocess.run(["ip", "link", "del", self.near], check=False, capture_output=True)
        for namespace in (self.inside, self.host):
            os.close(namespace)
