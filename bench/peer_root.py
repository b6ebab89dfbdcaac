"""The root that other sandboxes start in: a copy of the project's rootfs, with the directories that they mount over.

A copy, because several of them write into a root that they find incomplete.
"""

import shutil

MOUNT_POINTS = ("proc", "sys", "dev", "run", "root", "var/tmp")


class PeerRoot:
    def __init__(self, rootfs, path):
        self.path = path
        shutil.copytree(rootfs, path, symlinks=True)
        for name in MOUNT_POINTS:
            (path / name).mkdir(parents=True, exist_ok=True)
        (path / "bin").symlink_to("usr/bin")
        (path / "usr/lib/os-release").write_text("ID=bench\n")
        path.chmod(0o755)

    def close(self):
        shutil.rmtree(self.path, ignore_errors=True)
