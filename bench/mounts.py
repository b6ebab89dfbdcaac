"""A mount namespace where a hybrid host looks like one with cgroup v1 alone.

crun refuses hosts that mount some controllers in v1 and others in v2. What runs crun therefore sees the v1 hierarchies
only. The host's own mounts stay as they are.
"""

import ctypes
import os

CLONE_NEWNS = 0x00020000
MS_REC, MS_PRIVATE = 0x4000, 0x40000
MNT_DETACH = 2
UNIFIED = "/sys/fs/cgroup/unified"

libc = ctypes.CDLL(None, use_errno=True)


def checked(result, what):
    if result != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{what}: {os.strerror(error)}")


def is_hybrid():
    return os.path.exists(f"{UNIFIED}/cgroup.controllers")


def leave_unified():
    """For this process, which has to be single-threaded, and its children. Returns the way back, for come_back."""
    if not is_hybrid():
        return None
    home = os.open("/proc/self/ns/mnt", os.O_RDONLY)
    checked(libc.unshare(CLONE_NEWNS), "unshare")
    checked(libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None), "mount / private")
    checked(libc.umount2(UNIFIED.encode(), MNT_DETACH), f"umount {UNIFIED}")
    return home


def come_back(home):
    if home is not None:
        checked(libc.setns(home, CLONE_NEWNS), "setns")
        os.close(home)
