"""POST /api/execute end to end: who is let in, what `solution` is given and what becomes of what it returns."""

import hashlib
import json
import os
import tempfile
import unittest

import executor_service
import must_run
import serve_checks

TOKEN, HASHED, NAME = "battle-token-1", "kept-as-a-digest", "ann's site"
SETTINGS = {"EXECUTOR_VALIDATION": "on", "EXECUTOR_ALLOWED_MODULES": '["math","asyncio","sys","os","time"]',
            "MAX_EXECUTION_TIME": "2", "MAX_MEMORY": "64"}

# what it shows: (code, input, output); None stands for an error, whose text follows
TABLE = {
    "a number": ("def solution(n): return n * 2", "5", "10"),
    "zero": ("def solution(n): return n * 2", "0", "0"),
    "a negative number with blanks around it": ("def solution(n): return abs(n)", "  -7\n", "7"),
    "a fraction": ("def solution(n): return n + 0.25", "1.5", "1.75"),
    "an exponent": ("def solution(n): return n", "1e3", "1000.0"),
    "a big integer": ("def solution(n): return n + 1", "9007199254740993", "9007199254740994"),
    "an integer of 31 digits": ("def solution(n): return n * n", "1000000000000001", "1000000000000002000000000000001"),
    "an integer of 5,001 digits": ("def solution(n): return 10 ** n", "5000", "1" + "0" * 5000),
    "an argument of 5,001 digits": ("def solution(n): return n % 10", "1" + "0" * 4999 + "7", "7"),
    "a string in quotes": ("def solution(s): return s[::-1]", '"a b"', "b a"),
    "a string with escapes": ("def solution(s): return s", '"tab\\tand \\u00e9\\ud83d\\ude00"', "tab\tand é😀"),
    "a string without quotes": ("def solution(s): return s.upper()", "hello world", "HELLO WORLD"),
    "text with a quote that does not end": ("def solution(s): return len(s)", '"abc', "4"),
    "text that only begins like JSON": ("def solution(s): return s", "5-3", "5-3"),
    "a number with leading zeros is text": ("def solution(s): return s", "007", "007"),
    "NaN is no JSON and so text": ("def solution(s): return [s]", "NaN", '["NaN"]'),
    "a trailing comma makes it text": ("def solution(s): return s", "1,2,", "1,2,"),
    "values that touch make it text": ("def solution(s): return s", "[1][2]", "[1][2]"),
    "a string of several lines": ("def solution(s): return s.count(chr(10))", "one\ntwo\nthree", "2"),
    "an empty string in quotes": ("def solution(s): return len(s)", '""', "0"),
    "an array": ("def solution(a): return sorted(a)", "[3, 1, 2]", "[1,2,3]"),
    "nested arrays": ("def solution(a): return [sum(row) for row in a]", "[[1, 2], [], [3]]", "[3,0,3]"),
    "an array of strings": ("def solution(a): return a[::-1]", '["a b", "c"]', '["c","a b"]'),
    "an empty array": ("def solution(a): return a", "[]", "[]"),
    "a tuple is an array": ("def solution(n): return n, n + 1", "1", "[1,2]"),
    "an object": ("def solution(o): return o['a'] + o['b']", '{"a": 1, "b": 2}', "3"),
    "an object comes back in its order": ("def solution(o): return {**o, 'c': None}", '{"b": 1, "a": [true]}', '{"b":1,"a":[true],"c":null}'),
    "numbers as keys": ("def solution(n): return {n: 'x'}", "1", '{"1":"x"}'),
    "null": ("def solution(x): return x is None", "null", "true"),
    "null comes back": ("def solution(x): return x", "null", "null"),
    "true and false": ("def solution(a, b): return [b, a]", "true, false", "[false,true]"),
    "two arguments with a comma": ("def solution(a, b): return a - b", "7, 2", "5"),
    "two arguments with a blank": ("def solution(a, b): return a - b", "7 2", "5"),
    "arguments on lines of their own": ("def solution(a, b, c): return a * b + c", "2\n3\n4\n", "10"),
    "arguments of several kinds": ("def solution(a, n, s): return a[n] + s", '["x", "y"] 1, "z"', "yz"),
    "an array and a number": ("def solution(a, k): return a[-k:]", "[1,2], 1", "[2]"),
    "as many arguments as come": ("def solution(*all): return len(all)", "1 2,3\t4\n5", "5"),
    "no argument": ("def solution(): return 'none'", "", "none"),
    "text beyond ASCII": ("def solution(s): return [s]", "größe 😀", '["größe 😀"]'),
    "a coroutine": ("async def solution(n): return n + 1", "1", "2"),
    "a coroutine that waits": ("import asyncio\nasync def solution(n):\n    await asyncio.sleep(0.01)\n    return await asyncio.gather(*(twice(i) for i in range(n)))\n"
                               "async def twice(i):\n    return i * 2", "3", "[0,2,4]"),
    "something else to wait for": ("class Later:\n    def __await__(self):\n        return 5\n        yield\ndef solution(): return Later()", "", "5"),
    "a lambda": ("solution = lambda a, b: a + b", "1 2", "3"),
    "a class with a method __call__": ("class S:\n    def __call__(self, n):\n        return n\nsolution = S()", "4", "4"),
    "NaN is null": ("def solution(): return float('nan')", "", "null"),
    "infinities are null wherever they stand": ("def solution(): return {'a': [float('inf'), 1.5], 'b': -float('inf')}", "", '{"a":[null,1.5],"b":null}'),
    "nothing returned": ("def solution(n): pass", "1", "null"),
    "nothing returned and something printed": ("def solution(n): print(n * 2)", "5", "10"),
    "printed as well as returned": ("def solution(n):\n    print('working')\n    return n", "5", "working\n5"),
    "printed without an end of line": ("def solution(n):\n    print('a', end='')\n    return n", "5", "a\n5"),
    "printed by the program around it": ("print('loaded')\ndef solution(n): return n", "5", "loaded\n5"),
    "an empty string returned": ("def solution(): return ''", "", ""),
    "a string of several lines returned": ("def solution(): return 'a\\nb'", "", "a\nb"),
    "a program without solution": ("print(int(input()) * 2)", "5", "10"),
    "a program that reads several lines": ("a = input()\nb = input()\nprint(b, a)", "x\ny\n", "y x"),
    "a name that is no function": ("solution = 5\nprint(solution)", "", "5"),
    "an end without a newline": ("def solution(n): return n  # done", "1", "1"),
    "the program ends itself": ("import sys\ndef solution(n):\n    print('bye')\n    sys.exit()", "1", "bye"),
}
ERRORS = {
    "an exception": ("def solution(n): return 1 // n", "0", "ZeroDivisionError: integer division or modulo by zero"),
    "an exception with a text of two lines": ("def solution(n): raise ValueError('one\\ntwo')", "0", "ValueError: one\ntwo"),
    "an exception in a coroutine": ("async def solution(n): return [][n]", "0", "IndexError: list index out of range"),
    "too few arguments": ("def solution(a, b): return a", "1", "TypeError: solution() missing 1 required positional argument: 'b'"),
    "too many arguments": ("def solution(): return 1", "1", "TypeError: solution() takes 0 positional arguments but 1 was given"),
    "what JSON has no word for": ("def solution(): return {1, 2}", "", "TypeError: Object of type set is not JSON serializable"),
    "a circle": ("def solution():\n    a = []\n    a.append(a)\n    return a", "", "ValueError: Circular reference detected"),
    "an exception outside of solution": ("def solution(n): return n\n[][1]", "1", "IndexError: list index out of range"),
    "an exit status": ("import sys\ndef solution(n): sys.exit(n)", "3", "exit status 3"),
    "a chain of exceptions": ("def solution():\n    try:\n        [][0]\n    except IndexError as e:\n        raise KeyError('k') from e", "", "KeyError: 'k'"),
}


def setUpModule():
    folder = tempfile.TemporaryDirectory()
    unittest.addModuleCleanup(folder.cleanup)
    tokens = os.path.join(folder.name, "tokens")
    with open(tokens, "w", encoding="utf-8") as file:
        file.write(f"# who may come\n\n{TOKEN} {NAME}\n{hashlib.sha256(HASHED.encode()).hexdigest()}\tben\n")
    executor_service.start(EXECUTOR_API_TOKENS_FILE=tokens, **SETTINGS)


def logged_all():
    """Whether every job of this API that ran has its record: it is written a moment after the answer."""
    metrics = serve_checks.metrics(executor_service.service)
    ran = sum(value for name, value in metrics.items() if name.startswith("executor_execution_seconds_count"))
    records = [json.loads(line) for line in executor_service.service.log_text().splitlines()]
    return ran == sum(len(record["tests"]) for record in records if record["msg"] == "worker_job_completed")


def ask(body, token=TOKEN, port=None):
    """(status, headers, answer)"""
    headers = f"Authorization: Bearer {token}\r\n" if token is not None else ""
    status, headers, text = serve_checks.ask_raw(port or executor_service.service.port, serve_checks.post_bytes(body, "/api/execute", headers))
    return status, headers, json.loads(text)


def job(code, *cases, **fields):
    return {"code": code, "language": "python", "testCases": [{"input": i, "expectedOutput": o} for i, o in cases], **fields}


class Functions(executor_service.HostCase):
    def test_the_table_has_more_than_forty_examples(self):
        self.assertGreaterEqual(len(TABLE) + len(ERRORS), 40)

    def test_what_solution_is_given_and_what_is_shown_of_what_it_returns(self):
        for name, (code, given, output) in TABLE.items():
            with self.subTest(name):
                status, _, answer = ask(job(code, (given, output)))
                result, = answer["results"]
                self.assertEqual((status, result["output"], result["error"]), (200, output, None))
                self.assertEqual((answer["status"], result["passed"], result["verdict"]), ("completed", True, "accepted"))

    def test_what_goes_wrong_in_the_code_is_told_in_its_own_words(self):
        for name, (code, given, error) in ERRORS.items():
            with self.subTest(name):
                status, _, answer = ask(job(code, (given, "1")))
                result, = answer["results"]
                self.assertEqual((status, answer["status"], result["error"]), (200, "completed", error))
                self.assertEqual((result["passed"], result["verdict"]), (False, "runtime_error"))

    def test_a_wrong_answer_has_no_error(self):
        _, _, answer = ask(job("def solution(n): return n", ("1", "2"), ("2", "2")))
        self.assertEqual([(r["passed"], r["verdict"], r["output"], r["error"]) for r in answer["results"]],
                         [(False, "wrong_answer", "1", None), (True, "accepted", "2", None)])

    def test_blanks_count_neither_at_the_end_of_lines_nor_between_the_parts_of_an_array(self):
        code = "def solution(x): return x"
        cases = [("[1, 2]", "[1, 2]"), ("[1, 2]", "[1,2]"), ('{"a": [1]}', '{ "a" : [ 1 ] }'), ("a", "a \n"), ("a", "a\n\n")]
        self.assertEqual([r["passed"] for r in ask(job(code, *cases))[2]["results"]], [True] * 5)
        cases = [("[12]", "[1 2]"), ('["a b"]', '["ab"]'), ("a", "A"), ("a", " a"), ("1", "1.0")]
        self.assertEqual([r["passed"] for r in ask(job(code, *cases))[2]["results"]], [False] * 5)

    def test_each_case_runs_afresh(self):
        code = "seen = []\ndef solution(n):\n    seen.append(n)\n    return seen"
        self.assertEqual([r["output"] for r in ask(job(code, ("1", "[1]"), ("2", "[2]")))[2]["results"]], ["[1]", "[2]"])

    def test_a_traceback_shows_the_lines_of_the_code_and_nothing_else(self):
        code = "def helper(n):\n    return 1 // n\n\ndef solution(n):\n    return helper(n)"
        result, = executor_service.service.execute(code, [{"stdin": "0"}], entry="solution")
        self.assertEqual(result["stderr"], 'Traceback (most recent call last):\n  File "/tmp/main.py", line 5, in solution\n    return helper(n)\n'
                         '           ^^^^^^^^^\n  File "/tmp/main.py", line 2, in helper\n    return 1 // n\n           ~~^^~~\n'
                         "ZeroDivisionError: integer division or modulo by zero\n")
        self.assertEqual((result["verdict"], result["exitCode"]), ("runtime_error", 1))

    def test_the_expected_output_stands_in_no_file_and_no_object_of_the_sandbox(self):
        code = ("import os, sys\ndef solution(n):\n    wanted = 'expected-' + '4711'\n    texts = [open(f).read() for f in os.listdir('.')]\n"
                "    texts += [repr(vars(m)) for m in sys.modules.values() if hasattr(m, '__dict__')] + sys.argv + [repr(os.environ)]\n"
                "    return [len([t for t in texts if wanted in t]), any('wanted = ' in t for t in texts)]")
        result, = ask(job(code, ("1", "expected-4711")))[2]["results"]
        self.assertEqual((result["verdict"], result["output"], result["error"]), ("wrong_answer", "[0,true]", None))


class Answers(executor_service.HostCase):
    def test_the_example_of_the_contract_in_its_form(self):
        status, headers, answer = ask(job("def solution(n): return n * 2", ("5", "10"), ("0", "0")))
        self.assertEqual((status, headers["content-type"], list(answer)), (200, "application/json", ["status", "results", "totalTime"]))
        for result, output in zip(answer["results"], ("10", "0"), strict=True):
            self.assertEqual(list(result), ["passed", "output", "executionTime", "verdict", "error"])
            self.assertEqual((result["passed"], result["output"]), (True, output))
            self.assertGreater(result["executionTime"], 0)
        self.assertEqual(answer["totalTime"], sum(result["executionTime"] for result in answer["results"]))

    def test_one_case_out_of_time_makes_the_whole_a_timeout(self):
        answer = ask(job("import time\ndef solution(n):\n    time.sleep(n)\n    return n", ("0", "0"), ("30", "30")))[2]
        self.assertEqual((answer["status"], [r["verdict"] for r in answer["results"]]), ("timeout", ["accepted", "wall_time_limit"]))
        self.assertEqual(answer["results"][1]["error"], "time limit exceeded")
        self.assertTrue(2000 <= answer["results"][1]["executionTime"] < 10_000)
        spin = ask(job("def solution(n):\n    while True: pass", ("0", "0")))[2]
        self.assertEqual((spin["status"], spin["results"][0]["error"]), ("timeout", "time limit exceeded"))

    def test_memory_is_that_of_its_own_setting(self):
        answer = ask(job("def solution(n): return len(bytearray(n << 20))", ("40", str(40 << 20)), ("100", "0")))[2]
        self.assertEqual([(r["verdict"], r["error"]) for r in answer["results"]],
                         [("accepted", None), ("memory_limit", "memory limit exceeded")])

    def test_output_without_end_is_cut_and_named(self):
        result, = ask(job("def solution(n): return 'x' * n", ("3000000", "x")))[2]["results"]
        self.assertEqual((result["verdict"], result["error"], len(result["output"])), ("output_limit", "output limit exceeded", 1 << 20))

    def test_code_that_does_not_parse_could_not_be_run(self):
        status, _, answer = ask(job("def solution(n:\n    return n", ("1", "1"), ("2", "2")))
        self.assertEqual((status, answer["status"], answer["totalTime"], answer["error"]["code"]), (200, "failed", 0, "compile_error"))
        self.assertEqual([(r["passed"], r["output"], r["executionTime"], r["verdict"]) for r in answer["results"]],
                         [(False, "", 0, "compile_error")] * 2)
        self.assertIn("line 1", answer["results"][0]["error"])

    def test_the_source_policy_holds_and_says_where(self):
        executor_service.wait_until(logged_all, 5)
        ran = executor_service.service.log_text().count("worker_job_completed")
        status, _, answer = ask(job("x = 1\nimport socket\ndef solution(n): return n", ("1", "1")))
        self.assertEqual((status, answer["status"], answer["error"]["code"]), (200, "failed", "validation_failed"))
        self.assertEqual([(v["line"], v["rule"]) for v in answer["error"]["violations"]], [(2, "module")])
        self.assertEqual((answer["results"][0]["verdict"], answer["results"][0]["error"][:24]), ("skipped", "line 2: the module 'sock"))
        self.assertEqual(executor_service.service.log_text().count("worker_job_completed"), ran)

    def test_what_is_no_job_is_refused_with_the_name_of_its_field(self):
        good = job("def solution(n): return n", ("1", "1"))
        for change, status, code, field in (
                ({"code": None}, 400, "wrong_type", "code"), ({"code": "x" * 300_000}, 413, "too_large", "code"),
                ({"language": "ruby"}, 400, "unknown_language", "language"), ({"language": 3}, 400, "wrong_type", "language"),
                ({"testCases": []}, 400, "out_of_range", "testCases"), ({"testCases": "no"}, 400, "wrong_type", "testCases"),
                ({"testCases": [1]}, 400, "wrong_type", "testCases[0]"),
                ({"testCases": [{"input": 5, "expectedOutput": "1"}]}, 400, "wrong_type", "testCases[0].input"),
                ({"testCases": [{"input": "5"}]}, 400, "missing_field", "testCases[0].expectedOutput"),
                ({"testCases": [{"input": "5", "expectedOutput": None}]}, 400, "wrong_type", "testCases[0].expectedOutput"),
                ({"testCases": [{"input": "5", "expectedOutput": "1"}] * 1001}, 400, "out_of_range", "testCases")):
            with self.subTest(change=str(change)[:60]):
                got, _, answer = ask({**good, **change})
                self.assertEqual((got, answer["ok"], answer["error"]["code"], answer["error"].get("field")), (status, False, code, field))
                self.assertNotIn("tests[", answer["error"]["message"])
        for field in ("code", "language", "testCases"):
            got, _, answer = ask({key: value for key, value in good.items() if key != field})
            self.assertEqual((got, answer["error"]["code"], answer["error"]["field"]), (400, "missing_field", field))
        self.assertEqual(ask(b"{")[2]["error"]["code"], "bad_json")
        self.assertEqual(ask(b"[1]")[2]["error"]["code"], "wrong_type")


class Tokens(executor_service.HostCase):
    GOOD = job("def solution(n): return n", ("1", "1"))

    def test_without_a_token_it_is_401_and_says_what_is_wanted(self):
        for token in (None, ""):
            status, headers, answer = ask(self.GOOD, token)
            self.assertEqual((status, headers["www-authenticate"], answer["error"]["code"]), (401, "Bearer", "unauthorized"))
        request = serve_checks.post_bytes(self.GOOD, "/api/execute", f"Authorization: Basic {TOKEN}\r\n")
        self.assertEqual(serve_checks.ask_raw(executor_service.service.port, request)[0], 401)

    def test_an_unknown_token_is_403(self):
        digest = hashlib.sha256(HASHED.encode()).hexdigest()
        for token in ("wrong", TOKEN[:-1], TOKEN + "x", TOKEN.upper(), NAME, digest, "#"):
            with self.subTest(token):
                status, _, answer = ask(self.GOOD, token)
                self.assertEqual((status, answer["error"]["code"]), (403, "forbidden"))

    def test_a_token_and_one_that_is_kept_as_its_digest_are_let_in(self):
        for token in (TOKEN, HASHED):
            self.assertEqual(ask(self.GOOD, token)[0], 200)

    def test_who_is_not_let_in_does_not_learn_what_is_wrong_with_the_body(self):
        self.assertEqual([ask(b"{", token)[0] for token in (None, "wrong")], [401, 403])

    def test_tokens_are_not_logged(self):
        ask(self.GOOD), ask(self.GOOD, "wrong-token-99")
        for secret in (TOKEN, HASHED, "wrong-token-99"):
            self.assertNotIn(secret, executor_service.service.log_text())

    def test_with_no_file_nobody_is_let_in(self):
        service = executor_service.Service(EXECUTOR_MAX_CONCURRENCY="1")
        try:
            self.assertEqual([ask(self.GOOD, token, service.port)[0] for token in (None, TOKEN)], [401, 401])
        finally:
            self.assertEqual(service.close(), 0)

    def test_a_file_that_cannot_be_used_stops_the_start_with_the_line_and_without_the_token(self):
        with tempfile.NamedTemporaryFile("w", suffix=".tokens") as file:
            file.write("good-token ann\nlonely-token\n")
            file.flush()
            for path, said in ((file.name, "line 2 has no name behind its token"), ("/nowhere/tokens", "No such file")):
                with self.subTest(path), self.assertRaises(executor_service.ServiceError) as failure:
                    executor_service.Service(EXECUTOR_API_TOKENS_FILE=path)
                self.assertIn("ended with 2", str(failure.exception))
                self.assertIn("EXECUTOR_API_TOKENS_FILE", str(failure.exception))
                self.assertIn(said, str(failure.exception))
                self.assertNotIn("lonely-token", str(failure.exception))


if __name__ == "__main__":
    must_run.main()
