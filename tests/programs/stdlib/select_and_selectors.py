import os
import select
import selectors
import socket

read_end, write_end = os.pipe()
selector = selectors.DefaultSelector()
selector.register(read_end, selectors.EVENT_READ, "pipe")
print(type(selector).__name__, selector.select(0), os.write(write_end, b"x"))
print([(key.data, events) for key, events in selector.select(1)])
left, right = socket.socketpair()
right.send(b"through a pair")
print(select.select([left], [right], [], 1)[1] == [right], left.recv(100), left.family.name, left.type.name)
poller = select.poll()
poller.register(read_end, select.POLLIN)
print(poller.poll(0) == [(read_end, select.POLLIN)], select.epoll().closed)
right.close()
print(left.recv(10))
