#!/usr/bin/python3
"""The ELF kernel inside a bzImage, which QEMU starts without the kernel having to unpack itself under emulation.

    tests/vm/extract_kernel.py VMLINUZ OUTPUT
"""

import subprocess
import sys
from pathlib import Path

COMPRESSED = {"lz4": b"\x02\x21\x4c\x18", "zstd": b"\x28\xb5\x2f\xfd"}


def candidates(image):
    """(program, bytes from there on) for each place where compressed data may begin."""
    for program, magic in COMPRESSED.items():
        at = image.find(magic)
        while at >= 0:
            yield program, image[at:]
            at = image.find(magic, at + 1)


def main():
    source, output = map(Path, sys.argv[1:])
    for program, data in candidates(source.read_bytes()):
        # what follows the kernel makes the program complain, after it has written all of it
        unpacked = subprocess.run([program, "-dc"], input=data, capture_output=True, check=False).stdout
        if unpacked.startswith(b"\x7fELF"):
            output.write_bytes(unpacked)
            return 0
    print(f"{source}: no kernel compressed with {' or '.join(COMPRESSED)} in it", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
