"""Jobs wait in Redis while the machine goes down in the middle of them."""

import json
from pathlib import Path

import proving
from proving import proof


@proof
def queued():
    "jobs wait in the queue when the machine is started again"
    jobs = proving.push(12, "import time\ntime.sleep(1)\nprint(42)")
    Path("waiting.json").write_text(json.dumps(jobs), encoding="utf-8")
    assert not all(proving.result_of(job) for job in jobs)


proving.main(proving.REBOOT)
