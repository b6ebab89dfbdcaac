# What the three streams say about themselves.
import sys

for stream in (sys.stdin, sys.stdout, sys.stderr):
    print(stream.name, stream.mode, stream.encoding, stream.errors, stream.line_buffering, stream.write_through)
    print(stream.isatty(), stream.fileno(), stream.readable(), stream.writable(), stream.seekable(), stream.newlines)
    print(type(stream), type(stream.buffer), type(stream.buffer.raw), stream.buffer.raw.closefd, stream.buffer.raw.mode)
print(sys.__stdin__ is sys.stdin, sys.__stdout__ is sys.stdout, sys.__stderr__ is sys.stderr)
print(repr(sys.stdin), repr(sys.stdout), repr(sys.stderr))
