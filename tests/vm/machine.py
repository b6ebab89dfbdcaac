"""One run of the virtual machine under QEMU's emulation: correct, but many times slower than the host.

    status = machine.run(folder, payload, seconds=240)

`payload` is a folder with an executable `program`; it becomes /payload inside and is run there as root, its output
coming out here as it is written. The disk is thrown away. /dev/kvm is not used: the times inside mean nothing anyway.
"""

import ctypes
import os
import re
import select
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

MEMORY_MIB = 2048
BOOT_SECONDS = 300
PR_SET_PDEATHSIG = 1
TROUBLE = re.compile(r"Kernel panic|BUG:|Oops|Out of memory|rcu_\w+ detected stalls")
ENDED = re.compile(rb"proof ended with (\d+)\n")
# quiet and steady on a busy host; AppArmor is left out, as it only costs time here
KERNEL_ARGUMENTS = "console=ttyS0 panic=-1 quiet mitigations=off no_timer_check tsc=reliable nowatchdog audit=0 lsm=landlock,lockdown,yama,bpf"


def end_with_parent():
    """For the child: a run that is ended for its time leaves no machine behind."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class MachineError(Exception):
    """The machine did not come up, or went away without saying how its program ended."""


def command(folder, payload, console):
    return ["qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none", "-nic", "none",
            # one thread for both processors: with two, one may meet the int3 of a kernel that patches itself after the patch is done, and panics
            "-M", "q35", "-accel", "tcg,thread=single", "-cpu", "max", "-smp", "2", "-m", str(MEMORY_MIB),
            "-kernel", folder / "kernel", "-initrd", folder / "initrd", "-append", KERNEL_ARGUMENTS,
            "-drive", f"file={folder}/disk.img,if=none,id=disk,format=raw,snapshot=on,cache=unsafe,file.locking=off",
            "-device", "virtio-blk-pci,drive=disk",
            "-drive", f"file={payload},if=none,id=payload,format=raw,readonly=on,file.locking=off",
            "-device", "virtio-blk-pci,drive=payload",
            "-device", "virtio-serial-pci", "-chardev", "stdio,id=proof,signal=off", "-device", "virtserialport,chardev=proof,name=proof",
            "-device", "virtio-rng-pci", "-serial", f"file:{console}"]


def pack(folder, archive):
    """A tar of whole sectors: the disk that the machine reads it from has nothing smaller."""
    subprocess.run(["tar", "-C", folder, "--record-size=1M", "-cf", archive, "."], check=True)


def keep(console, place):
    """What the kernel said, for a look afterwards. One that panicked was started again, which looks like a program that ended in the middle."""
    text = console.read_text(errors="replace") if console.exists() else ""
    place.write_text(text, encoding="utf-8")
    if trouble := TROUBLE.search(text):
        print(f"console ({place}):\n{text[max(0, trouble.start() - 500):trouble.start() + 2500]}", flush=True)


def follow(qemu, seconds):
    """Copies what the machine writes; the status of its program, or None where the time is over first."""
    deadline = time.monotonic() + BOOT_SECONDS
    seen, started = b"", False
    while (left := deadline - time.monotonic()) > 0:
        if not select.select([qemu.stdout], [], [], left)[0]:
            break
        data = os.read(qemu.stdout.fileno(), 65536)
        if not data:
            raise MachineError("the machine went away")
        if not started:
            started, deadline = True, time.monotonic() + seconds
        seen = (seen + data)[-65536 - 4096:]
        end = ENDED.search(seen)
        sys.stdout.buffer.write(data[:data.find(b"proof ended with")] if end else data)
        sys.stdout.flush()
        if end:
            return int(end[1])
    if not started:
        raise MachineError(f"nothing was heard within {BOOT_SECONDS} s")
    return None


def run(folder, payload, seconds):
    """The status of the program; None where it took longer than `seconds`."""
    with tempfile.TemporaryDirectory(dir="/var/tmp", prefix="executor-vm.") as work:
        archive, console = Path(work) / "payload.tar", Path(work) / "console"
        pack(payload, archive)
        environment = {**os.environ, "TMPDIR": work}  # where QEMU keeps what is written to the disk
        with subprocess.Popen([str(word) for word in command(folder, archive, console)], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, env=environment, preexec_fn=end_with_parent) as qemu:
            try:
                return follow(qemu, seconds)
            except MachineError as error:
                said = console.read_text(errors="replace") if console.exists() else ""
                raise MachineError(f"{error}; its console's last words:\n{said[-3000:]}") from None
            finally:
                qemu.kill()
                keep(console, folder.parent / "console")
