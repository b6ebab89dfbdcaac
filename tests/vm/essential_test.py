"""tests/vm/run --essential, where this host can."""

import os
import shutil
import subprocess
import unittest
from pathlib import Path

import executor_service
import must_run

RUN = Path(__file__).with_name("run")
PROGRAMS = "qemu-system-x86_64 mmdebstrap mke2fs modprobe cpio xz lz4 zstd dpkg-shlibdeps cpack"


def setUpModule():
    must_run.need(os.geteuid() == 0, "root, who makes the machine's image,")
    for program in PROGRAMS.split():
        must_run.need(shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin:/sbin"), program)


class Essential(unittest.TestCase):
    def test_the_package_on_a_host_of_its_own(self):
        self.assertEqual(subprocess.run([RUN, "--essential", "--build", os.environ["EXECUTOR_BUILD"]], check=False,
                                        preexec_fn=executor_service.end_with_parent).returncode, 0)


if __name__ == "__main__":
    must_run.main()
