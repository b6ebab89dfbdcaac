"""The disk and the kernel of the virtual machine: Debian 12 with systemd and what the package depends on.

    folder = image.provide(deb, "6.12", ["docker.io"])     # build/vm/<key>; made when it is not there yet

The key is a digest of all that the image is made of: package names, kernel, and the files of this folder.
Needs root (mmdebstrap) and Debian's archive; no loop device and no mount outside a namespace of its own.
"""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
CACHE = HERE.parents[1] / "build/vm"
KERNELS = {"6.12": "linux-image-6.12-cloud-amd64", "6.1": "linux-image-cloud-amd64"}
PACKAGES = ("systemd systemd-sysv udev dbus libpam-systemd iproute2 procps kmod util-linux uidmap passwd init-system-helpers apt "
            "python3-minimal python3 redis-server busybox-static curl libnl-route-3-200").split()
LEFT_OUT = ("doc", "man", "info", "locale", "lintian")
EXT4 = ["-q", "-F", "-t", "ext4", "-m", "0", "-O", "^has_journal,^metadata_csum,^64bit,^resize_inode",
        "-E", "lazy_itable_init=1,nodiscard,root_owner=0:0"]

# What a machine without network, terminals and a long life need not start; each costs seconds under emulation.
MASKED = """
apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service fstrim.timer logrotate.timer
systemd-tmpfiles-clean.timer motd-news.timer getty.target getty@tty1.service console-getty.service serial-getty@ttyS0.service
systemd-networkd.service systemd-networkd-wait-online.service systemd-resolved.service systemd-timesyncd.service
systemd-update-utmp.service systemd-update-utmp-runlevel.service systemd-pstore.service systemd-machine-id-commit.service
systemd-firstboot.service systemd-hwdb-update.service systemd-journal-catalog-update.service systemd-journal-flush.service
systemd-update-done.service ldconfig.service systemd-binfmt.service proc-sys-fs-binfmt_misc.automount dev-hugepages.mount
dev-mqueue.mount sys-kernel-debug.mount sys-kernel-tracing.mount sys-kernel-config.mount modprobe@configfs.service
modprobe@dm_mod.service modprobe@drm.service modprobe@efi_pstore.service modprobe@fuse.service modprobe@loop.service
systemd-ask-password-console.path systemd-ask-password-wall.path systemd-initctl.socket systemd-remount-fs.service
kmod-static-nodes.service sys-fs-fuse-connections.mount cryptsetup.target veritysetup.target integritysetup.target
systemd-fsck-root.service systemd-rfkill.socket systemd-udev-settle.service
""".split()
GENERATORS = ("gpt-auto cryptsetup veritysetup integritysetup hibernate-resume bless-boot getty rc-local sysv system-update fstab "
              "debug run").split()


def run(*command, **options):
    return subprocess.run([str(word) for word in command], check=True, text=True, stdin=subprocess.DEVNULL, **options)


def output(*command):
    return run(*command, stdout=subprocess.PIPE).stdout


def depends_of(deb):
    """Names of the packages that a .deb depends on; the first of alternatives."""
    listed = output("dpkg-deb", "--field", deb, "Depends")
    return sorted({re.match(r"[^\s(|]+", part.strip())[0] for part in listed.split(",")})


def kernel_package(meta):
    """The versioned package behind a kernel's meta package, as name=version."""
    name = re.search(r"^ *Depends: (linux-image-[0-9]\S+)", output("apt-cache", "depends", meta), re.MULTILINE)
    if not name:
        run("apt-get", "-qq", "update")
        name = re.search(r"^ *Depends: (linux-image-[0-9]\S+)", output("apt-cache", "depends", meta), re.MULTILINE)
    version = re.search(r"Candidate: (\S+)", output("apt-cache", "policy", name[1]))[1]
    return f"{name[1]}={version}"


def key_of(packages, kernel):
    digest = hashlib.sha256(" ".join([*packages, kernel]).encode())
    for path in sorted([HERE / "image.py", HERE / "extract_kernel.py", *(HERE / "guest").iterdir()]):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def make_tree(root, packages):
    sources = next(path for path in (Path("/etc/apt/sources.list.d/debian.sources"), Path("/etc/apt/sources.list")) if path.exists())
    run("unshare", "--mount", "--propagation", "private", "mmdebstrap", "--mode=root", "--variant=minbase", "--format=directory", "--quiet",
        '--aptopt=APT::Install-Recommends "false"', '--aptopt=Acquire::Languages "none"', "--dpkgopt=force-unsafe-io",
        *(f"--dpkgopt=path-exclude=/usr/share/{folder}/*" for folder in LEFT_OUT),
        # nothing is started while the tree is made
        "--essential-hook=printf '#!/bin/sh\\nexit 101\\n' > \"$1/usr/sbin/policy-rc.d\"; chmod 755 \"$1/usr/sbin/policy-rc.d\"",
        f"--include={','.join(packages)}", "bookworm", root, sources)
    (root / "usr/sbin/policy-rc.d").unlink(missing_ok=True)


def add_kernel(root, folder, work, package):
    """Modules into the tree; the kernel and an initrd that mounts the disk beside it."""
    run("apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", package, cwd=work, stdout=subprocess.DEVNULL)
    deb, = work.glob("linux-image-*.deb")
    unpacked = work / "kernel"
    run("dpkg-deb", "-x", deb, unpacked)
    deb.unlink()
    version = next((unpacked / "lib/modules").iterdir()).name
    if packed := list((unpacked / "lib/modules").rglob("*.ko.xz")):
        run("xz", "-d", *packed)  # here once, not under emulation at each boot
    (root / "usr/lib/modules").mkdir(exist_ok=True)
    shutil.move(unpacked / "lib/modules" / version, root / "usr/lib/modules")
    run("depmod", "-b", root, version)
    run(HERE / "extract_kernel.py", unpacked / "boot" / f"vmlinuz-{version}", folder / "kernel")
    shutil.rmtree(unpacked)

    initrd = work / "initrd"
    for name in ("bin", "dev", "root", "modules"):
        (initrd / name).mkdir(parents=True)
    shutil.copy(root / "bin/busybox", initrd / "bin")
    shutil.copy(HERE / "guest/init", initrd / "init")
    loads = output("modprobe", "-d", root / "usr", "-S", version, "--show-depends", "-a", "virtio_pci", "virtio_blk")
    modules = dict.fromkeys(line.split()[1] for line in loads.splitlines() if line.startswith("insmod "))
    for number, module in enumerate(modules):
        shutil.copy(module, initrd / "modules" / f"{number:02}-{Path(module).name}")
    with open(folder / "initrd", "wb") as file:
        listed = subprocess.run(["find", "."], cwd=initrd, check=True, capture_output=True).stdout
        subprocess.run(["cpio", "--quiet", "-o", "-H", "newc", "--owner", "0:0"], cwd=initrd, input=listed, stdout=file, check=True)
    shutil.rmtree(initrd)


def configure(root):
    etc = root / "etc"
    texts = {"hostname": "host\n", "hosts": "127.0.0.1 localhost host\n::1 localhost\n", "resolv.conf": "", "fstab": "",
             "machine-id": f"{0x5eed:032x}\n", "modules-load.d/proof.conf": "virtio_pci\nvirtio_blk\nvirtio_console\n",
             "systemd/system.conf.d/proof.conf": "[Manager]\nDefaultCPUAccounting=yes\nDefaultMemoryAccounting=yes\nDefaultTasksAccounting=yes\nShowStatus=no\n",
             "docker/daemon.json": '{"iptables": false, "bridge": "none"}\n',
             "systemd/journald.conf.d/proof.conf": "[Journal]\nStorage=volatile\nAudit=no\nReadKMsg=no\n",
             "redis/redis.conf": "bind 127.0.0.1\ndir /var/lib/redis\nappendonly yes\nappendfsync always\nsave \"\"\nsupervised systemd\n"
                                 "daemonize no\nlogfile /var/log/redis/redis-server.log\n"}
    for path, text in texts.items():
        (etc / path).parent.mkdir(parents=True, exist_ok=True)
        (etc / path).write_text(text, encoding="utf-8")
    units = etc / "systemd/system"
    for unit in MASKED:
        (units / unit).unlink(missing_ok=True)
        (units / unit).symlink_to("/dev/null")
    (etc / "systemd/system-generators").mkdir()
    for name in GENERATORS:
        (etc / f"systemd/system-generators/systemd-{name}-generator").symlink_to("/dev/null")
    if (root / "usr/sbin/dockerd").exists():  # the proof that is about Docker starts it
        run("systemctl", f"--root={root}", "--quiet", "disable", "docker.service", "docker.socket", "containerd.service")
    # devices: only what a rule matters for here, and no hardware database
    (units / "systemd-udev-trigger.service.d").mkdir()
    (units / "systemd-udev-trigger.service.d/proof.conf").write_text(
        "[Service]\nExecStart=\nExecStart=/usr/bin/udevadm trigger --type=devices --action=add --subsystem-match=block --subsystem-match=net\n")
    (root / "usr/lib/udev/hwdb.bin").unlink(missing_ok=True)
    shutil.copy(HERE / "guest/proof.service", units)
    (units / "multi-user.target.wants").mkdir(exist_ok=True)
    (units / "multi-user.target.wants/proof.service").symlink_to("/etc/systemd/system/proof.service")
    (units / "default.target").unlink(missing_ok=True)
    (units / "default.target").symlink_to("/usr/lib/systemd/system/multi-user.target")
    shutil.copy(HERE / "guest/proof", root / "usr/local/sbin/proof")
    (root / "usr/local/sbin/proof").chmod(0o755)


def build(folder, packages, kernel):
    with tempfile.TemporaryDirectory(dir="/var/tmp", prefix="executor-vm.") as work:
        work, root = Path(work), Path(work) / "root"
        make_tree(root, packages)
        add_kernel(root, folder, work, kernel)
        configure(root)
        disk = folder / "disk.img"
        with open(disk, "wb"):
            os.truncate(disk, 6 << 30)  # sparse
        run("mke2fs", *EXT4, "-L", "root", "-d", root, disk)


def provide(deb, short, further=()):
    """The folder with disk.img, kernel and initrd; `further` packages are in it too. Of older images the youngest stays."""
    packages = sorted({*PACKAGES, *further, *depends_of(deb)})
    kernel = kernel_package(KERNELS[short])
    CACHE.mkdir(parents=True, exist_ok=True)
    folder = CACHE / key_of(packages, kernel)
    with open(CACHE / "lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if folder.exists():
            return folder
        growing = CACHE / "growing"
        shutil.rmtree(growing, ignore_errors=True)  # what a build that failed left
        for old in sorted((path for path in CACHE.iterdir() if path.is_dir()), key=lambda path: path.stat().st_mtime)[:-1]:
            shutil.rmtree(old)
        growing.mkdir()
        build(growing, packages, kernel)
        growing.rename(folder)
    return folder
