"""GET /openapi.json against the server that serves it: its examples are sent, and every answer is held against it."""

import copy
import http.client
import json
import os
import tempfile
import unittest

import executor_service
import must_run
import openapi
from serve_checks import SAMPLE

TOKEN = "described"
SEEN = set()
description = None


def setUpModule():
    global description
    folder = tempfile.TemporaryDirectory()
    unittest.addModuleCleanup(folder.cleanup)
    path = os.path.join(folder.name, "tokens")
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"{TOKEN} tests\n")
    executor_service.start(EXECUTOR_VALIDATION="on", EXECUTOR_ALLOWED_MODULES="", EXECUTOR_ALLOWED_BUILTINS="", EXECUTOR_API_TOKENS_FILE=path,
                           EXECUTOR_USER_JOBS="1")
    description = openapi.Description(executor_service.service)


def ask(method, path, body=None, token=TOKEN, **headers):
    """(status, answer), held against the description."""
    connection = http.client.HTTPConnection("127.0.0.1", executor_service.service.port, timeout=60)
    try:
        data = body if body is None or isinstance(body, bytes) else json.dumps(body)
        given = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {}), **headers}
        connection.request(method, path, data, given)
        response = connection.getresponse()
        answer = json.loads(response.read())
    finally:
        connection.close()
    description.check(method, path, response.status, answer)
    if "Retry-After" in description.document["paths"][description.path_of(path)][method.lower()]["responses"][str(response.status)].get("headers", {}):
        assert int(response.getheader("retry-after")) >= 1
    SEEN.add((method, description.path_of(path), response.status))
    return response.status, answer


class Examples(unittest.TestCase):
    def test_every_example_is_a_request_that_the_server_serves(self):
        examples = list(description.examples())
        self.assertEqual({(method, path) for method, path, *_ in examples}, {("POST", "/execute"), ("POST", "/api/execute")})
        for method, path, name, body, schema in examples:
            with self.subTest(path=path, name=name):
                self.assertEqual(description.differences(schema, body, "example"), [])
                status, answer = ask(method, path, body)
                self.assertEqual(status, 200)
                if "total" in answer:
                    wanted = sum("expectedStdout" in test for test in body["tests"])
                    self.assertEqual(answer["passed"], wanted, answer)
                else:
                    self.assertEqual([result["passed"] for result in answer["results"]], [True] * len(body["testCases"]))

    def test_what_the_schema_refuses_the_server_refuses_too(self):
        for method, path, name, body, schema in description.examples():
            for field in description.follow(schema)["required"]:
                for change in (lambda b, f: b.pop(f), lambda b, f: b.update({f: 5}), lambda b, f: b.update({f: None})):
                    broken = copy.deepcopy(body)
                    change(broken, field)
                    with self.subTest(path=path, name=name, broken=broken.get(field, "missing")):
                        self.assertNotEqual(description.differences(schema, broken), [])
                        status, answer = ask(method, path, broken)
                        self.assertEqual((status, answer["error"]["field"]), (400, field))

    def test_each_endpoint_of_the_server_is_described(self):
        for path, operations in description.document["paths"].items():
            connection = http.client.HTTPConnection("127.0.0.1", executor_service.service.port, timeout=60)
            connection.request("PATCH", path.replace("{jobId}", "x"))
            response = connection.getresponse()
            response.read()
            connection.close()
            allowed = {method.strip() for method in response.getheader("allow").split(",")}
            self.assertEqual((response.status, allowed), (405, {method.upper() for method in operations} - {"PARAMETERS"}), path)


class Answers(unittest.TestCase):
    def test_answers_of_every_kind_are_as_described(self):
        def one(source, **test):
            return {"language": "python", "source": source, "tests": [test]}
        for body, status in ((SAMPLE, 200), (one("1 / 0"), 200), (one("print('\\x00\\ufffe')", name="n"), 200), (one("while True: pass", timeoutMs=200), 200),
                             (one("print(1)", expectedStdout="2", args=["a"]), 200), (one("x = 'x' * (1 << 29)", memoryBytes=32 << 20), 200),
                             ({**one("print(1)", expectedStdout="2"), "stopOnFailure": True, "tests": [{"expectedStdout": "2"}, {}]}, 200),
                             (one("import os"), 400), (one("print("), 400), ({}, 400), (b"{", 400), (one("x" * 300_000), 413),
                             (one("print(1)", timeoutMs=10 ** 9), 400)):
            with self.subTest(str(body)[:70]):
                self.assertEqual(ask("POST", "/execute", body)[0], status)
        self.assertEqual(ask("POST", "/execute", SAMPLE, **{"Content-Type": "text/plain"})[0], 415)

    def test_later_answers_are_as_described(self):
        status, accepted = ask("POST", "/execute?wait=false", {**SAMPLE, "userId": "ann", "source": "import random\nwhile True: random.random()"})
        self.assertEqual(status, 202)
        path = f"/jobs/{accepted['jobId']}"
        self.assertEqual(ask("GET", path)[0], 200)
        self.assertEqual(ask("POST", "/execute", {**SAMPLE, "userId": "ann"})[0], 429)
        for method in ("DELETE", "GET", "DELETE"):
            self.assertEqual((ask(method, path)[0], ask("GET", path)[1]["state"]), (200, "cancelled"))
        done = f"/jobs/{ask('POST', '/execute?wait=false', SAMPLE)[1]['jobId']}"
        self.assertTrue(executor_service.wait_until(lambda: ask("GET", done)[1]["state"] == "done", 10))
        self.assertEqual(ask("DELETE", done)[1]["state"], "done")
        for method, unknown in (("GET", "/jobs/x"), ("DELETE", "/jobs/x"), ("GET", "/jobs/x/events")):
            self.assertEqual(ask(method, unknown)[0], 404)

    def test_answers_of_the_second_form_are_as_described(self):
        def one(code, given="1", expected="1"):
            return {"code": code, "language": "python", "testCases": [{"input": given, "expectedOutput": expected}]}
        good = one("def solution(n): return n")
        for body, status in ((good, 200), (one("def solution(n): return 1 / 0"), 200), (one("def solution(n): return 5"), 200), (one("def f("), 200),
                             (one("import os"), 200), ({}, 400), (b"[]", 400), (one("x" * 300_000), 413)):
            with self.subTest(str(body)[:70]):
                self.assertEqual(ask("POST", "/api/execute", body)[0], status)
        self.assertEqual([ask("POST", "/api/execute", good, token)[0] for token in (None, "wrong")], [401, 403])

    def test_the_others_are_as_described(self):
        for path in ("/health", "/ready", "/openapi.json"):
            self.assertEqual(ask("GET", path)[0], 200)

    @classmethod
    def tearDownClass(cls):
        """What was asked for above: all that is described but for what only a broken or full server says."""
        described = {(method.upper(), path, int(status)) for path, operations in description.document["paths"].items()
                     for method, operation in operations.items() if method != "parameters" for status in operation["responses"]}
        left = {(method, path, status) for method, path, status in described - SEEN if status not in (408, 500, 503)}
        allowed = {("GET", "/metrics", 200), ("GET", "/jobs/{jobId}/events", 200), ("POST", "/api/execute", 415), ("POST", "/api/execute", 429)}
        assert left <= allowed, left - allowed


if __name__ == "__main__":
    must_run.main()
