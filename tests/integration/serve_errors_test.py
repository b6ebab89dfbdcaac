"""Every refusal of POST /execute, over a real server: its status, its code, the field that it names."""

import json

import executor_service
import must_run
import serve_checks

MIB = 1 << 20
MAX_TIMEOUT_MS = executor_service.MAX_TIMEOUT_SECONDS * 1000
JOB = {"language": "python", "source": "print(1)", "tests": [{}]}


def setUpModule():
    executor_service.start()


def with_test(**fields):
    return {**JOB, "tests": [{}, fields]}


class Refusal(executor_service.HostCase):
    def ask(self, request):
        return serve_checks.ask_raw(executor_service.service.port, request)

    def assert_refused(self, response, status, code, field=None):
        """The error has this shape and nothing else in it."""
        got, headers, body = response
        answer = json.loads(body)
        self.assertEqual((got, answer["ok"], answer["error"]["code"], answer["error"].get("field")),
                         (status, False, code, field), answer)
        self.assertEqual(set(answer), {"ok", "error"})
        self.assertEqual(set(answer["error"]), {"code", "message"} | ({"field"} if field else set()))
        self.assertGreater(len(answer["error"]["message"]), 5)
        self.assertEqual(headers["content-type"].split(";")[0], "application/json")
        return headers, answer["error"]["message"]

    def assert_body_refused(self, body, code, field=None, status=400):
        return self.assert_refused(self.ask(serve_checks.post_bytes(body)), status, code, field)[1]


class Json(Refusal):
    def test_what_is_not_json(self):
        for body in (b"", b"hello", b"{", b"{}}", b'{"language": "python",}', b"{'language': 1}", b"\xef\xbb\xbf{}", b"{} // x"):
            with self.subTest(body):
                self.assert_body_refused(body, "bad_json")

    def test_a_body_that_is_no_object(self):
        for body in (b"null", b"[]", b'"text"', b"7", b"true"):
            with self.subTest(body):
                self.assert_body_refused(body, "wrong_type")

    def test_nan_and_infinity_are_no_json(self):
        for number in (b"NaN", b"Infinity", b"-Infinity", b"1e999"):
            with self.subTest(number):
                body = b'{"language": "python", "source": "", "tests": [{"timeoutMs": ' + number + b"}]}"
                self.assert_body_refused(body, "bad_json", "tests[0].timeoutMs")

    def test_a_key_twice(self):
        self.assert_body_refused(b'{"source": "a", "language": "python", "source": "b", "tests": [{}]}', "duplicate_key", "source")
        self.assert_body_refused(b'{"tests": [{}, {"stdin": "a", "stdin": "a"}]}', "duplicate_key", "tests[1].stdin")
        self.assert_body_refused(b'{"later": {"a": 1, "\\u0061": 2}}', "duplicate_key", "later.a")

    def test_nesting_over_32(self):
        def nested(levels):  # the body's own object is the first
            return b'{"x": ' + b"[" * (levels - 1) + b"]" * (levels - 1) + b"}"
        self.assert_body_refused(nested(32), "missing_field", "language")
        status, _, body = self.ask(serve_checks.post_bytes(nested(33)))
        error = json.loads(body)["error"]
        self.assertEqual((status, error["code"], error["field"][:4]), (400, "too_deep", "x[0]"))
        status, _, body = self.ask(serve_checks.post_bytes(b"[" * 2 * MIB))
        self.assertEqual((status, json.loads(body)["error"]["code"]), (400, "too_deep"))

    def test_invalid_utf_8(self):
        for text in (b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82"):
            with self.subTest(text):
                message = self.assert_body_refused(b'{"language": "python", "source": "' + text + b'"}', "bad_json", "source")
                self.assertIn("UTF-8", message)

    def test_lone_surrogates(self):
        for text in (rb"\ud800", rb"\udc00", rb"\ud800x", rb"\ud800\ud800", rb"\udc00\ud800"):
            with self.subTest(text):
                self.assert_body_refused(b'{"language": "python", "source": "' + text + b'"}', "bad_json", "source")

    def test_a_pair_of_surrogates_is_one_character(self):
        body = rb'{"language": "python", "source": "print(\"\ud83d\ude00\")", "tests": [{"expectedStdout": "\ud83d\ude00"}]}'
        status, _, answer = self.ask(serve_checks.post_bytes(body))
        self.assertEqual((status, json.loads(answer)["passed"]), (200, 1))


class Fields(Refusal):
    def test_each_needed_field_is_named_when_it_is_missing(self):
        for field in JOB:
            with self.subTest(field):
                self.assert_body_refused({k: v for k, v in JOB.items() if k != field}, "missing_field", field)
        self.assert_body_refused({**JOB, "files": [{"path": "a"}]}, "missing_field", "files[0].content")

    def test_each_field_of_the_wrong_type_is_named(self):
        for field, value in (("language", 1), ("source", ["print(1)"]), ("source", None), ("tests", {}), ("tests", "x"),
                             ("compare", 3), ("compare", {"float": "x"}), ("stopOnFailure", "yes"), ("processes", 1),
                             ("userId", 7), ("traceId", {}), ("files", {}), ("jobId", 1), ("replyTo", [])):
            with self.subTest(field, value=value):
                self.assert_body_refused({**JOB, field: value}, "wrong_type", field)
        for field, value in (("stdin", 5), ("expectedStdout", 5), ("timeoutMs", "100"), ("timeoutMs", 1.5), ("cpuTimeMs", None),
                             ("memoryBytes", True), ("args", "x"), ("name", 1), ("compare", [])):
            with self.subTest(f"tests[1].{field}", value=value):
                self.assert_body_refused(with_test(**{field: value}), "wrong_type", f"tests[1].{field}")
        self.assert_body_refused({**JOB, "tests": [{}, 7]}, "wrong_type", "tests[1]")
        self.assert_body_refused(with_test(args=["a", 7]), "wrong_type", "tests[1].args[1]")

    def test_an_unknown_field_is_no_error_whatever_its_type(self):
        job = {**JOB, "later": {"a": [1, None]}, "tests": [{"later": 7}]}
        self.assertEqual(self.ask(serve_checks.post_bytes(job))[0], 200)

    def test_an_unknown_language(self):
        for language in ("ruby", "Python", "", "python\0"):
            with self.subTest(language):
                message = self.assert_body_refused({**JOB, "language": language}, "unknown_language", "language")
                self.assertIn("python", message)

    def test_a_nul_in_the_source(self):
        self.assert_body_refused({**JOB, "source": "print(1)\0"}, "bad_value", "source")

    def test_no_tests(self):
        self.assert_body_refused({**JOB, "tests": []}, "out_of_range", "tests")

    def test_5000_tests(self):
        message = self.assert_body_refused({**JOB, "tests": [{}] * 5000}, "out_of_range", "tests")
        self.assertIn("1000", message)

    def test_limits_out_of_range(self):
        for field, values in (("timeoutMs", (0, -1, MAX_TIMEOUT_MS + 1, 1 << 70)), ("cpuTimeMs", (0, -5, MAX_TIMEOUT_MS + 1)),
                              ("memoryBytes", (0, -1, 1000, (256 << 20) + 1, 1 << 63))):
            for value in values:
                with self.subTest(field, value=value):
                    code = "wrong_type" if value == 1 << 70 else "out_of_range"  # that is no integer any more
                    self.assert_body_refused(with_test(**{field: value}), code, f"tests[1].{field}")

    def test_the_largest_limits_that_are_allowed(self):
        status, _, body = self.ask(serve_checks.post_bytes(with_test(timeoutMs=MAX_TIMEOUT_MS, cpuTimeMs=MAX_TIMEOUT_MS, memoryBytes=256 << 20)))
        self.assertEqual((status, [r["verdict"] for r in json.loads(body)["results"]]), (200, ["accepted"] * 2))

    def test_a_comparison_that_there_is_not(self):
        self.assert_body_refused({**JOB, "compare": "fuzzy"}, "bad_value", "compare")
        self.assert_body_refused(with_test(compare={"float": -1}), "out_of_range", "tests[1].compare.float")

    def test_files_where_none_may_stand(self):
        for path in ("/etc/passwd", "../x", "a/../b", "", "a//b", "main.py", "a\0b", "./a"):
            with self.subTest(path):
                self.assert_body_refused({**JOB, "files": [{"path": path, "content": ""}]}, "bad_value", "files[0].path")
        twice = [{"path": "a", "content": ""}, {"path": "a", "content": ""}]
        self.assert_body_refused({**JOB, "files": twice}, "bad_value", "files[1].path")


class Size(Refusal):
    def test_a_source_of_10_mb(self):
        response = self.ask(serve_checks.post_bytes({**JOB, "source": "#" * 10_000_000}))
        headers, _ = self.assert_refused(response, 413, "payload_too_large")
        self.assertEqual(headers["connection"], "close")

    def test_a_source_that_fits_the_body_but_not_its_own_limit(self):
        self.assert_body_refused({**JOB, "source": "#" * ((256 << 10) + 1)}, "too_large", "source", 413)
        self.assertEqual(self.ask(serve_checks.post_bytes({**JOB, "source": "#" * (256 << 10)}))[0], 200)

    def test_a_chunked_body_meets_the_same_limit(self):
        head = "POST /execute HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        chunk = b"10000\r\n" + b" " * 65536 + b"\r\n"
        self.assert_refused(self.ask(head.encode() + chunk * 65), 413, "payload_too_large")

    def test_an_announced_length_is_enough_to_be_refused(self):
        head = "POST /execute HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nContent-Length: 99999999999\r\n\r\n"
        self.assert_refused(self.ask(head.encode()), 413, "payload_too_large")

    def test_a_target_and_a_header_that_are_too_long(self):
        self.assert_refused(self.ask(b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\nHost: t\r\n\r\n"), 414, "uri_too_long")
        long_header = b"GET /ready HTTP/1.1\r\nHost: t\r\nX-Long: " + b"x" * 9000 + b"\r\n\r\n"
        self.assert_refused(self.ask(long_header), 431, "headers_too_large")


class Http(Refusal):
    def test_a_path_that_there_is_not(self):
        for line in ("GET /", "GET /execute/", "POST /nothing", "GET /jobs"):
            with self.subTest(line):
                self.assert_refused(self.ask(f"{line} HTTP/1.1\r\nHost: t\r\n\r\n".encode()), 404, "not_found")

    def test_a_method_that_a_path_does_not_take(self):
        for line, allowed in (("GET /execute", "POST"), ("PUT /execute", "POST"), ("DELETE /health", "GET"),
                              ("POST /metrics", "GET"), ("POST /ready", "GET")):
            with self.subTest(line):
                response = self.ask(f"{line} HTTP/1.1\r\nHost: t\r\nContent-Length: 0\r\n\r\n".encode())
                headers, _ = self.assert_refused(response, 405, "method_not_allowed")
                self.assertEqual(headers["allow"], allowed)

    def test_another_media_type(self):
        for kind in ("text/plain", "application/x-www-form-urlencoded", "application/jsonx", ""):
            with self.subTest(kind):
                head = f"POST /execute HTTP/1.1\r\nHost: t\r\nContent-Type: {kind}\r\nContent-Length: 2\r\n\r\n{{}}"
                self.assert_refused(self.ask(head.encode()), 415, "unsupported_media_type")

    def test_parameters_of_the_media_type_are_fine(self):
        body = json.dumps(JOB)
        head = ("POST /execute HTTP/1.1\r\nHost: t\r\nContent-Type: Application/JSON; charset=utf-8\r\n"
                f"Content-Length: {len(body)}\r\n\r\n{body}")
        self.assertEqual(self.ask(head.encode())[0], 200)

    def test_a_compressed_body(self):
        request = serve_checks.post_bytes(JOB, headers="Content-Encoding: gzip\r\n")
        self.assert_refused(self.ask(request), 415, "unsupported_encoding")

    def test_an_expectation_that_nobody_meets(self):
        request = serve_checks.post_bytes(JOB, headers="Expect: miracles\r\n")
        self.assert_refused(self.ask(request), 417, "expectation_failed")

    def test_malformed_framing_closes_the_connection(self):
        for name, head in (("no HTTP", "hello\r\n\r\n"), ("bare line feeds", "GET /ready HTTP/1.1\nHost: t\n\n"),
                           ("no Host", "GET /ready HTTP/1.1\r\n\r\n"), ("two Hosts", "GET /ready HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
                           ("two lengths", "POST /execute HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}"),
                           ("length and chunks", "POST /execute HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\n"
                                                 "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
                           ("a signed length", "POST /execute HTTP/1.1\r\nHost: t\r\nContent-Length: +2\r\n\r\n{}"),
                           ("a folded header", "GET /ready HTTP/1.1\r\nHost: t\r\nX: a\r\n b\r\n\r\n")):
            with self.subTest(name), serve_checks.Raw(executor_service.service.port) as connection:
                connection.send(head.encode())
                headers, _ = self.assert_refused(connection.response(), 400, "bad_request")
                self.assertEqual(headers["connection"], "close")
                self.assertTrue(connection.ended())

    def test_a_request_that_ends_early(self):
        with serve_checks.Raw(executor_service.service.port) as connection:
            connection.send(serve_checks.post_bytes(JOB)[:-5])
            connection.socket.shutdown(1)
            self.assert_refused(connection.response(), 400, "bad_request")

    def test_ids_in_headers_are_held_to_the_same_rules(self):
        request = serve_checks.post_bytes(JOB, headers=f"x-trace-id: {'x' * 129}\r\n")
        self.assert_refused(self.ask(request), 400, "invalid_value", "x-trace-id")


if __name__ == "__main__":
    must_run.main()
