"""An upgrade under load loses no job, and a client that asks again is answered."""

import threading

import proving
from proving import proof, sh


class Load(threading.Thread):
    """Posts one job after the other, and keeps what was not answered right."""

    def __init__(self):
        super().__init__()
        self.over = threading.Event()
        self.answered, self.wrong = 0, []

    def run(self):
        number, again = 0, 0
        while not self.over.is_set():
            number += 1
            status, answer = proving.ask("POST", "/execute", {
                "language": "python", "source": f"print({number})", "tests": [{"expectedStdout": f"{number}\n"}]})
            if status == 200 and answer["passed"] == 1:
                self.answered += 1
            elif status != 0 or again == number:
                self.wrong.append((number, status, answer))
            else:  # the connection was closed before the request was read: tried once more, as clients must
                again = number
                number -= 1


@proof
def socket():
    "systemd listens for the service"
    sh("systemctl", "stop", "executor")
    sh("systemctl", "start", "executor.socket")
    sh("systemctl", "start", "executor")
    proving.sample()
    assert proving.journal("EXECUTOR_EVENT=server_listening")


@proof
def upgrade():
    "while the package is installed anew, each posted job is answered and each queued one has its result"
    before = proving.main_pid()
    jobs = proving.push(20, "import time\ntime.sleep(0.2)\nprint(42)")
    clients = [Load() for _ in range(2)]
    for client in clients:
        client.start()
    sh("dpkg", "--install", "executor.deb")
    proving.sample()
    for client in clients:
        client.over.set()
        client.join()
    assert proving.main_pid() != before
    assert not [wrong for client in clients for wrong in client.wrong], [client.wrong for client in clients]
    proving.all_right(jobs, 90)
    return f"{sum(client.answered for client in clients)} posted, {len(jobs)} queued"


@proof
def without_socket():
    "the unit listens by itself again"
    sh("systemctl", "stop", "executor.socket", "executor")
    sh("systemctl", "start", "executor")
    proving.sample()


proving.main()
