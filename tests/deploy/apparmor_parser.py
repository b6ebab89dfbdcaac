"""A parser of AppArmor that knows what the profile is for: 4.0 or later, which Debian 12 does not have.

    command = apparmor_parser.command()      # begins like: apparmor_parser

Where the installed one is older, that of Debian 13 is brought by apt into build/apparmor and runs there with its own C library;
nothing is installed. None where apt cannot bring it.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "build/apparmor"
SUITE = "trixie"
PACKAGES = ("apparmor", "libc6")
FEATURES = "etc/apparmor.d/abi/4.0"  # of a kernel that knows the rule, whatever the one here knows
LIBRARIES = FOLDER / "root/usr/lib/x86_64-linux-gnu"


def version_of(command):
    said = subprocess.run([*command, "--version"], capture_output=True, text=True, check=True).stdout
    return int(re.search(r"version (\d+)", said)[1])


def mirror():
    """Where this host has its Debian packages from."""
    for path in (Path("/etc/apt/sources.list.d/debian.sources"), Path("/etc/apt/sources.list")):
        if path.exists() and (found := re.search(r"^(?:URIs:|deb(?: \[.*\])?) (\S+/debian)/?(?: |$)", path.read_text(encoding="utf-8"), re.MULTILINE)):
            return found[1]
    raise OSError("this host names no archive of Debian")


def bring():
    for name in ("lists/partial", "cache/archives/partial", "root"):
        (FOLDER / name).mkdir(parents=True, exist_ok=True)
    (FOLDER / "sources.list").write_text(f"deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] {mirror()} {SUITE} main\n", encoding="utf-8")
    apt = ["apt-get", "-q", *(word for option in (f"Dir::Etc::sourcelist={FOLDER}/sources.list", "Dir::Etc::sourceparts=/dev/null", f"Dir::State::lists={FOLDER}/lists",
                                                  f"Dir::Cache={FOLDER}/cache", "Acquire::Languages=none", "APT::Sandbox::User=root", "Acquire::Retries=3") for word in ("-o", option))]
    for words in (["update"], ["download", *PACKAGES]):
        subprocess.run([*apt, *words], cwd=FOLDER, check=True, capture_output=True, timeout=120)
    for deb in FOLDER.glob("*.deb"):
        subprocess.run(["dpkg-deb", "-x", deb, FOLDER / "root"], check=True)
        deb.unlink()
    shutil.rmtree(FOLDER / "lists")
    shutil.rmtree(FOLDER / "cache")


def command():
    if (installed := shutil.which("apparmor_parser", path=os.environ["PATH"] + ":/usr/sbin:/sbin")) and version_of([installed]) >= 4:
        return [installed, "--kernel-features", f"/{FEATURES}"]
    brought = [str(LIBRARIES / "ld-linux-x86-64.so.2"), "--library-path", str(LIBRARIES), str(FOLDER / "root/usr/sbin/apparmor_parser"),
               "--base", str(FOLDER / "root/etc/apparmor.d"), "--config-file", "/dev/null", "--kernel-features", str(FOLDER / "root" / FEATURES)]
    if not (FOLDER / "root/usr/sbin/apparmor_parser").exists():
        try:
            bring()
        except (OSError, subprocess.SubprocessError):
            return None
    return brought
