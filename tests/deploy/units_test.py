"""The units of systemd/ and the settings beside them: what they promise, as far as it can be read."""

import os
import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

import apparmor_parser
import must_run

ROOT = Path(__file__).resolve().parents[2]
UNITS = ROOT / "systemd"
SETTING = re.compile(r'\{"([A-Z][A-Z_]+)",\s*"--[a-z-]+"')
HIGHEST_EXPOSURE = 2.5


def setUpModule():
    must_run.need(shutil.which("systemd-analyze"), "systemd-analyze")


def directives(name):
    """[(section, key, value)] of a unit."""
    found, section = [], None
    for line in (UNITS / name).read_text(encoding="utf-8").splitlines():
        if match := re.fullmatch(r"\[(\w+)\]", line):
            section = match[1]
        elif "=" in line and not line.startswith("#"):
            found.append((section, *line.split("=", 1)))
    return found


def exposure(text):
    """systemd's score of a service with this text."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "executor.service")
        path.write_text(text, encoding="utf-8")
        said = subprocess.run(["systemd-analyze", "security", "--offline=true", "--no-pager", path], capture_output=True, text=True, check=True).stdout
    return float(re.search(r"Overall exposure level for \S+: ([0-9.]+)", said)[1])


class Units(unittest.TestCase):
    def test_the_exposure_of_each_service_is_low(self):
        for name in ("executor.service", "executor-worker.service"):
            with self.subTest(name):
                text = (UNITS / name).read_text(encoding="utf-8")
                self.assertLessEqual(exposure(text), HIGHEST_EXPOSURE)
                self.assertGreater(exposure(text.replace("NoNewPrivileges=yes", "NoNewPrivileges=no")), HIGHEST_EXPOSURE)

    def test_the_worker_is_the_service_but_for_its_role(self):
        mine, other = (set(directives(name)) for name in ("executor.service", "executor-worker.service"))
        self.assertEqual({(section, key) for section, key, _ in mine ^ other},
                         {("Unit", "Description"), ("Unit", "Conflicts"), ("Service", "ExecStart")})

    def test_no_capability_is_left_and_the_drop_in_adds_two(self):
        service = directives("executor.service")
        self.assertIn(("Service", "CapabilityBoundingSet", ""), service)
        self.assertIn(("Service", "User", "executor"), service)
        self.assertIn(("Service", "Delegate", "cpu memory pids"), service)
        self.assertEqual({(key, value) for _, key, value in directives("id-map.conf")}, {
            ("CapabilityBoundingSet", "CAP_SETUID CAP_SETGID"), ("AmbientCapabilities", "CAP_SETUID CAP_SETGID")})

    def test_the_stop_leaves_more_time_than_the_drain_takes(self):
        stop = next(int(value) for _, key, value in directives("executor.service") if key == "TimeoutStopSec")
        code = (ROOT / "src/app/config.hpp").read_text(encoding="utf-8")
        drain = int(re.search(r"drain_time\{([0-9']+)\}", code)[1].replace("'", "")) / 1000
        self.assertGreaterEqual(stop, drain + 3 + 6)  # the last words, and the end of the supervisor

    def test_the_environment_file_has_every_setting_commented_with_its_default(self):
        code = SETTING.findall((ROOT / "src/app/config.cpp").read_text(encoding="utf-8"))
        text = (UNITS / "executor.env").read_text(encoding="utf-8")
        self.assertEqual(sorted(re.findall(r"^#([A-Z][A-Z_]+)=", text, re.MULTILINE)), sorted(code))
        self.assertEqual(re.findall(r"^[^#\n].*", text, re.MULTILINE), [])

    def test_the_users_and_directories_are_made(self):
        must_run.need(os.geteuid() == 0, "root, to whom the directories belong,")
        for program, name in (("systemd-sysusers", "executor.sysusers"), ("systemd-tmpfiles", "executor.tmpfiles")):
            with self.subTest(name), tempfile.TemporaryDirectory() as root:
                (Path(root) / "etc").mkdir()
                (Path(root) / "etc/passwd").write_text("root:x:0:0:::\n", encoding="utf-8")
                (Path(root) / "etc/group").write_text("root:x:0:\n", encoding="utf-8")
                run = [program, f"--root={root}", UNITS / name]
                if program == "systemd-tmpfiles":
                    subprocess.run(["systemd-sysusers", f"--root={root}", UNITS / "executor.sysusers"], check=True, capture_output=True)
                    run.insert(1, "--create")
                done = subprocess.run(run, capture_output=True, text=True, check=False)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertIn("executor:", (Path(root) / "etc/passwd").read_text(encoding="utf-8"))

    def test_the_parser_of_apparmor_takes_the_profile_with_the_rule_that_it_is_for(self):
        parser = apparmor_parser.command()
        must_run.need(parser, "apparmor_parser 4.0 or later, here or from Debian 13's archive,")
        text = (ROOT / "deploy/apparmor/executor").read_text(encoding="utf-8")

        def compiled(profile):
            """What would be loaded into a kernel; None where the parser refuses the text."""
            done = subprocess.run([*parser, "--skip-kernel-load", "--skip-cache", "--stdout"], input=profile.encode(), capture_output=True, check=False)
            return done.stdout if done.returncode == 0 else None
        self.assertTrue(b"executor" in (compiled(text) or b""))
        self.assertTrue(compiled(text) != compiled(text.replace("  userns,\n", "")), "the rule is part of what is loaded")
        for right, wrong in (("flags=(unconfined)", "flags=(unconfind)"), ("  userns,", "  usernss,"), ("  userns,", "  userns mount,"), ("abi/4.0", "abi/4.9")):
            self.assertIn(right, text)
            self.assertIsNone(compiled(text.replace(right, wrong)), wrong)

    def test_scripts_of_the_package_are_scripts(self):
        for name in ("postinst", "prerm", "postrm"):
            path = ROOT / "deploy/debian" / name
            subprocess.run(["sh", "-n", path], check=True)
            self.assertTrue(path.stat().st_mode & 0o100, name)


if __name__ == "__main__":
    must_run.main()
