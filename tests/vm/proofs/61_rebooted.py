"""After the machine was started again."""

import json
from pathlib import Path

import proving
from proving import proof, sh


@proof
def by_itself():
    "the unit starts with the machine, and each job that waited gets its one right result"
    jobs = json.loads(Path("waiting.json").read_text(encoding="utf-8"))
    proving.wait(proving.ready, 90)
    proving.all_right(jobs, 90)
    assert sh("redis-cli", "LLEN", "executor:dead").strip() == "0"
    return f"up {Path('/proc/uptime').read_text(encoding='ascii').split()[0]} s"


@proof
def answered():
    "the unit answers the sample job"
    proving.sample()


proving.main()
