"""Cases H: any bytes, at any speed. Each request's exact answer, and what the service is after it."""

import json
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import executor_service
import must_run
import serve_checks
from serve_checks import Raw, metric, post_bytes

MIB = 1 << 20
JOB = {"language": "python", "source": "print(1)", "tests": [{}]}
BODY = json.dumps(JOB)
CONNECTIONS = 64
QUEUE_LIMIT = 8
SECRET = "canary-4f1d2a"
HEAD = "POST /execute HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"


def setUpModule():
    executor_service.start(EXECUTOR_MAX_CONNECTIONS=str(CONNECTIONS), EXECUTOR_QUEUE_LIMIT=str(QUEUE_LIMIT), CANARY=SECRET)


def resident():
    return int(executor_service.status_of(executor_service.service.server.pid)["VmRSS"].split()[0]) * 1024


class Attack(executor_service.HostCase):
    @property
    def port(self):
        return executor_service.service.port

    def answer(self, request, end=False):
        """(status, code of the error, whether the connection was closed behind it)."""
        with Raw(self.port) as connection:
            try:
                connection.send(request if isinstance(request, bytes) else request.encode())
                if end:
                    connection.socket.shutdown(socket.SHUT_WR)
            except (BrokenPipeError, ConnectionResetError):
                pass
            response = connection.response()
            if response is None:
                return None
            status, headers, body = response
            closed = headers.get("connection") == "close"
            if closed and not end:
                try:
                    closed = connection.ended()
                except ConnectionResetError:
                    pass
            error = json.loads(body).get("error") if body.startswith(b"{") else None
            return status, error and error["code"], closed

    def assert_answers(self, table, wanted):
        got = {name: self.answer(request) for name, request in table.items()}
        self.assertEqual(got, {name: wanted for name in table})


class Framing(Attack):
    def test_H01_a_body_over_the_limit_is_refused_and_never_kept(self):
        limit = 4 * MIB
        self.assertEqual(self.answer(f"{HEAD}Content-Length: {limit + 1}\r\n\r\n"), (413, "payload_too_large", True))
        full = post_bytes(b"{" + b" " * (limit - 2) + b"}")
        self.assertEqual(self.answer(full), (400, "missing_field", False))
        chunks = HEAD.encode() + b"Transfer-Encoding: chunked\r\n\r\n" + (b"100000\r\n" + b" " * MIB + b"\r\n") * 4
        self.assertEqual(self.answer(chunks + b"1\r\n \r\n"), (413, "payload_too_large", True))
        before = resident()
        for _ in range(40):
            self.answer(f"{HEAD}Content-Length: 99999999999\r\n\r\n" + " " * 65536)
            self.answer(chunks + b"100000\r\n" + b" " * 1000)
        self.assertLess(resident() - before, 8 * MIB)

    def test_H02_a_length_that_is_not_one_plain_number_is_refused(self):
        lengths = ("-5", "+5", "0x5", "5.0", "5e0", "", "5,5", "5, 6", "5,", "18446744073709551621", "five", "5 5", "\u0665".encode().decode("latin-1"))
        table = {value: f"{HEAD}Content-Length: {value}\r\n\r\nhello".encode("latin-1") for value in lengths}
        table |= {"twice": f"{HEAD}Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", "two": f"{HEAD}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
                  "with chunked": f"{HEAD}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                  "behind chunked": f"{HEAD}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"}
        self.assert_answers(table, (400, "bad_request", True))

    def test_H02_a_length_that_is_not_the_bodys(self):
        # too short: the rest is taken for the next request, which is none
        with Raw(self.port) as connection:
            connection.send(f"{HEAD}Content-Length: 2\r\n\r\n{{}}GARBAGE\0".encode())
            self.assertEqual([connection.response()[0] for _ in range(2)], [400, 400])
            self.assertTrue(connection.ended())
        self.assertEqual(self.answer(f"{HEAD}Content-Length: {len(BODY) + 1}\r\n\r\n{BODY}", end=True), (400, "bad_request", True))

    def test_H02_lines_and_encodings_that_two_readers_could_read_in_two_ways(self):
        length = f"Content-Length: {len(BODY)}\r\n\r\n{BODY}"
        self.assert_answers({
            "bare LF": f"POST /execute HTTP/1.1\nHost: t\n{length}", "bare LF in a field": f"{HEAD}X: a\nY: b\r\n{length}", "bare CR": f"{HEAD}X: a\rb\r\n{length}",
            "folded": f"{HEAD}X: a\r\n b\r\n{length}", "blank before the colon": f"{HEAD}X : a\r\n{length}", "no colon": f"{HEAD}abc\r\n{length}",
            "NUL": f"{HEAD}X: a\0b\r\n{length}", "empty name": f"{HEAD}: b\r\n{length}", "gzip, chunked": f"{HEAD}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
            "identity": f"{HEAD}Transfer-Encoding: identity\r\n{length}", "xchunked": f"{HEAD}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
            "chunked twice": f"{HEAD}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "chunked in 1.0": "POST /execute HTTP/1.0\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        }, (400, "bad_request", True))

    def test_H04_chunks_that_are_none(self):
        head = f"{HEAD}Transfer-Encoding: chunked\r\n\r\n"
        self.assert_answers({
            "no number": head + "x\r\n", "empty": head + "\r\nabc\r\n", "negative": head + "-3\r\nabc\r\n", "plus": head + "+3\r\nabc\r\n", "0x": head + "0x3\r\nabc\r\n\r\n",
            "beyond 64 bits": head + "10000000000000003\r\nabc\r\n", "more than its size": head + "3\r\nabcd\r\n0\r\n\r\n", "bare LF": head + "3\nabc\r\n0\r\n\r\n",
            "an extension": head + "3;a=b\r\nabc\r\n0\r\n\r\n", "an extension of 1 MiB": head + "3;" + "a" * MIB + "\r\nabc\r\n0\r\n\r\n",
            "a size line without end": head + "0" * 100_000, "a trailer": head + "2\r\n{}\r\n0\r\nx-user-id: root\r\n\r\n",
        }, (400, "bad_request", True))
        self.assertEqual(self.answer(head + "ffffffffffffffff\r\nabc"), (413, "payload_too_large", True))
        self.assertEqual(self.answer(head + "2\r\n{}\r\n", end=True), (400, "bad_request", True))  # no last chunk

    def test_H07_what_is_too_long_is_named_for_what_it_is(self):
        self.assertEqual(self.answer("GET /" + "x" * MIB + " HTTP/1.1\r\nHost: t\r\n\r\n"), (414, "uri_too_long", True))
        self.assertEqual(self.answer("GET /ready HTTP/1.1\r\nHost: t\r\nX: " + "x" * MIB + "\r\n\r\n"), (431, "headers_too_large", True))
        self.assertEqual(self.answer("GET /ready HTTP/1.1\r\nHost: t\r\n" + "X: y\r\n" * 10_000 + "\r\n"), (431, "headers_too_large", True))
        self.assertEqual(self.answer("GET /ready HTTP/1.1\r\nHost: t\r\n" + "X: y\r\n" * 101 + "\r\n"), (431, "headers_too_large", True))


class Speed(Attack):
    def test_H05_slow_and_half_open_clients_keep_nobody_waiting(self):
        slow = [socket.create_connection(("127.0.0.1", self.port)) for _ in range(CONNECTIONS - 8)]
        try:
            for n, client in enumerate(slow):  # idle, in the header, in the body, half closed after nothing
                client.sendall((b"", b"GET /ready HT", f"{HEAD}Content-Length: 900\r\n\r\n{{".encode(), b"P")[n % 4])
            for _ in range(3):
                for client in slow[1::4] + slow[2::4]:
                    client.sendall(b"x")  # a byte now and then
                results = executor_service.service.execute("print(6 * 7)", [{"expectedStdout": "42\n"}] * 4)
                self.assertEqual({r["verdict"] for r in results}, {"accepted"})
            for client in slow[3::4]:
                client.shutdown(socket.SHUT_WR)
            for client in slow[3::4]:
                self.assertEqual(client.recv(4096).split(b"\r\n")[0], b"HTTP/1.1 400 Bad Request")
        finally:
            for client in slow:
                client.close()

    def test_H05_a_header_that_does_not_end_in_time_is_a_timeout(self):
        with Raw(self.port) as connection:
            begin = time.monotonic()
            connection.send(b"GET /ready HTTP/1.1\r\n")
            waiter = threading.Thread(target=lambda: setattr(self, "late", connection.response()))
            waiter.start()
            while waiter.is_alive() and time.monotonic() - begin < 15:
                try:
                    connection.send(b"X: y\r\n")  # a line a second does not help
                except OSError:
                    break
                waiter.join(1)
            waiter.join(5)
            status, headers, body = self.late
            self.assertEqual((status, json.loads(body)["error"]["code"], headers["connection"]), (408, "request_timeout", "close"))
            self.assertGreaterEqual(time.monotonic() - begin, 9.5)

    def test_H05_connections_are_capped_and_the_next_is_told_so(self):
        executor_service.service.disconnect()
        executor_service.wait_until(lambda: executor_service.service.descriptors() <= self.before["descriptors"], 5 * executor_service.PATIENCE)
        held = [socket.create_connection(("127.0.0.1", self.port)) for _ in range(CONNECTIONS)]
        try:
            time.sleep(0.2)
            refused = []
            for _ in range(10):
                with Raw(self.port) as connection:
                    status, headers, body = connection.response()
                    refused.append((status, headers["retry-after"], json.loads(body)["error"]["code"], connection.ended()))
            self.assertEqual(refused, [(503, "1", "too_many_connections", True)] * 10)
        finally:
            for client in held:
                client.close()
        self.assertTrue(executor_service.wait_until(lambda: self.answer(post_bytes(JOB)) == (200, None, False), 5 * executor_service.PATIENCE))

    def test_H06_a_thousand_requests_in_one_piece_are_answered_in_order(self):
        requests = b"".join(b"GET /%s HTTP/1.1\r\nHost: t\r\n\r\n" % (b"ready" if n % 3 else b"nothing-%d" % n) for n in range(1000))
        with Raw(self.port) as connection:
            sender = threading.Thread(target=connection.send, args=(requests,))
            sender.start()
            statuses = [connection.response()[0] for _ in range(1000)]
            sender.join()
        self.assertEqual(statuses, [200 if n % 3 else 404 for n in range(1000)])

    def test_H06_garbage_and_tls_are_refused_at_the_first_line(self):
        tls = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(200))
        self.assertEqual(self.answer(b"\xff" * 10_000_000), (414, "uri_too_long", True))
        self.assert_answers({"TLS": tls, "zeros": bytes(100_000), "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "SSH": b"SSH-2.0-x\r\n\r\n",
                             "blank lines": b"\r\n" * 1000}, (400, "bad_request", True))


class Content(Attack):
    def post(self, body, headers=""):
        return self.answer(post_bytes(body, headers=headers))

    def test_H11_limits_are_refused_by_name_and_never_clamped(self):
        for field in ("timeoutMs", "cpuTimeMs", "memoryBytes"):
            for value, code in ((-1, "out_of_range"), (0, "out_of_range"), (1 << 62, "out_of_range"), ("1000", "wrong_type"), (None, "wrong_type"),
                                (1.5, "wrong_type"), (True, "wrong_type"), ([], "wrong_type"), ({}, "wrong_type")):
                with self.subTest(field, value=value):
                    status, _, body = serve_checks.ask_raw(self.port, post_bytes({**JOB, "tests": [{field: value}]}))
                    error = json.loads(body)["error"]
                    self.assertEqual((status, error["code"], error["field"]), (400, code, f"tests[0].{field}"))
        self.assertEqual(self.post({**JOB, "tests": [{}]}), (200, None, False))  # missing: the server's own

    def test_H12_bodies_in_other_shapes(self):
        text = json.dumps(JOB)
        for body in (text.encode("utf-16"), text.encode("utf-16-le"), text.encode("utf-32"), b"\xef\xbb\xbf" + text.encode(), text.encode() + b"\0",
                     text.encode()[:-1], text.encode() + b"x", b"\xff\xfe", b"", b"\0" * 1000, b"[" * 100_000, b'{"a":' * 100_000):
            with self.subTest(body[:20]):
                status, code, closed = self.post(body)
                self.assertEqual((status, closed), (400, False))
                self.assertIn(code, ("too_deep",) if body[:1] == b"[" or body[:5] == b'{"a":' else ("bad_json",))
        self.assertEqual(self.post(JOB, "Content-Encoding: gzip\r\n"), (415, "unsupported_encoding", False))
        for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/json-seq"):
            head = f"POST /execute HTTP/1.1\r\nHost: t\r\nContent-Type: {kind}\r\nContent-Length: {len(BODY)}\r\n\r\n{BODY}"
            self.assertEqual(self.answer(head), (415, "unsupported_media_type", False))

    def test_H12_json_that_is_nearly_json(self):
        for inner, code in (('"a": 1, "a": 1', "duplicate_key"), ('"a": NaN', "bad_json"), ('"a": 01', "bad_json"), ('"a": .5', "bad_json"), ('"a": 1.', "bad_json"),
                            ('"a": +1', "bad_json"), ('"a": 1e999', "bad_json"), ('"a": \'x\'', "bad_json"), ('"a": "\\x41"', "bad_json"), ('"a": "\n"', "bad_json"),
                            ('"a": "\\ud800"', "bad_json"), ('"a": tru', "bad_json"), ('"a": [1,]', "bad_json"), ('"a": 1,', "bad_json"), ("a: 1", "bad_json"),
                            ('"a" 1', "bad_json"), ('"a": 1 "b": 2', "bad_json"), ('"a": 1 // x', "bad_json"), ('"a": "\x7f\x1f"', "bad_json")):
            with self.subTest(inner):
                self.assertEqual(self.post(b"{" + inner.encode() + b"}"), (400, code, False))

    def test_H13_no_path_is_made_of_what_a_client_says(self):
        for path in ("/jobs/../../etc/passwd", "/jobs/%2e%2e%2f%2e%2e", "/jobs/%00", "/jobs/" + "x" * 7000, "/jobs/%D9%A1", "/../execute", "//execute", "/execute/..",
                     "/EXECUTE", "/execute%00", "/execute;a", "/%65xecute"):
            with self.subTest(path[:40]):
                status, code, closed = self.answer(f"GET {path} HTTP/1.1\r\nHost: t\r\n\r\n")
                self.assertEqual((status, closed), (404, False))
                self.assertEqual(code, "unknown_job" if path.startswith("/jobs/") and ".." not in path else "not_found")
        for value in ("../x", "a/b\tc", "x" * 129, "a\u00e9"):
            with self.subTest(value[:10]):
                request = post_bytes(JOB).decode().replace("Host: t", f"Host: t\r\nx-user-id: {value}").encode("utf-8")
                status = self.answer(request)[0]
                self.assertEqual(status, 200 if value in ("../x", "a\u00e9") else 400)  # an id is data: it is logged, and nothing more

    def test_H14_methods_and_targets(self):
        for line, wanted in (("CONNECT t:80", (405, "method_not_allowed", False)), ("TRACE /ready", (405, "method_not_allowed", False)), ("OPTIONS /execute", (405, "method_not_allowed", False)),
                             ("OPTIONS *", (405, "method_not_allowed", False)), ("PATCH /execute", (405, "method_not_allowed", False)), ("get /ready", (405, "method_not_allowed", False)),
                             ("GET http://t/ready", (400, "bad_request", True)), ("GET ready", (405, "method_not_allowed", False))):
            with self.subTest(line):
                self.assertEqual(self.answer(f"{line} HTTP/1.1\r\nHost: t\r\n\r\n"), wanted)
        for hosts in ("", "Host: a\r\nHost: b\r\n", "Host: a b\r\n", "Host: a/b\r\n", "Host: u@a\r\n"):
            with self.subTest(hosts):
                self.assertEqual(self.answer(f"GET /ready HTTP/1.1\r\n{hosts}\r\n"), (400, "bad_request", True))
        for override in ("X-HTTP-Method-Override: POST", "X-Method-Override: DELETE"):
            self.assertEqual(self.answer(f"GET /execute HTTP/1.1\r\nHost: t\r\n{override}\r\n\r\n")[0], 405)

    def test_H19_pages_tell_nothing_of_the_inside(self):
        executor_service.service.execute(f"print('{SECRET}-in-a-source')", [{"stdin": SECRET}])
        pages = [serve_checks.ask_raw(self.port, request)[2].decode() for request in
                 (b"GET /metrics HTTP/1.1\r\nHost: t\r\n\r\n", b"GET /health HTTP/1.1\r\nHost: t\r\n\r\n", b"GET /ready HTTP/1.1\r\nHost: t\r\n\r\n",
                  b"GET /nothing HTTP/1.1\r\nHost: t\r\n\r\n", b"BAD\r\n\r\n", post_bytes({**JOB, "source": 1}), post_bytes(b"{"))]
        for page in pages:
            for word in (SECRET, "rootfs", "/work", "/home", "/usr", "/tmp", "src/", ".cpp", "what():", "redis://"):
                self.assertNotIn(word, page)


class Load(Attack):
    def test_H15_clients_that_leave_take_their_programs_along(self):
        service = executor_service.service
        source = serve_checks.NAMED.format(name="left-alone") + "time.sleep(20)"
        for _ in range(25):
            with Raw(self.port) as one, Raw(self.port) as two:
                one.send(post_bytes({**JOB, "source": source}))
                two.send(post_bytes({**JOB, "source": source}))
                self.assertTrue(executor_service.wait_until(lambda: serve_checks.named(service, "left-alone"), 10 * executor_service.PATIENCE))
        begin = time.monotonic()
        self.assertTrue(executor_service.wait_until(lambda: not serve_checks.named(service, "left-alone"), 5 * executor_service.PATIENCE))
        self.assertLess(time.monotonic() - begin, 2 * executor_service.PATIENCE)
        self.assertTrue(executor_service.wait_until(lambda: metric(service, "executor_queue_depth") == 0, 5 * executor_service.PATIENCE))

    def test_H17_a_burst_is_answered_or_turned_away_and_nothing_grows(self):
        before, requests = resident(), 12 * (executor_service.CONCURRENCY + QUEUE_LIMIT)
        job = post_bytes({**JOB, "source": "import time\ntime.sleep(0.1)\nprint(6 * 7)", "tests": [{"expectedStdout": "42\n"}]})

        def one(_):
            status, headers, body = serve_checks.ask_raw(self.port, job)
            answer = json.loads(body)
            if status == 200:
                return "right" if answer["results"][0]["verdict"] == "accepted" else answer
            return status, answer["error"]["code"], "retry-after" in headers

        with ThreadPoolExecutor(CONNECTIONS - 8) as pool:
            said = list(pool.map(one, range(requests)))
        self.assertEqual({each for each in said if each != "right"}, {(503, "queue_full", True)})
        self.assertGreaterEqual(said.count("right"), executor_service.CONCURRENCY + QUEUE_LIMIT)
        self.assertLess(resident() - before, 16 * MIB)


if __name__ == "__main__":
    must_run.main()
