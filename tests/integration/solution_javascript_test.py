"""POST /api/execute in JavaScript: what `solution` is given and what becomes of what it returns."""

import json
import os
import tempfile
import unittest

import executor_service
import serve_checks

TOKEN = "battle-token-1"

# what it shows: (code, input, output)
TABLE = {
    "the contract's own example": ("function solution(n) { return n * 2; }", "5", "10"),
    "zero": ("function solution(n) { return n * 2; }", "0", "0"),
    "a negative number with blanks around it": ("const solution = (n) => Math.abs(n)", "  -7\n", "7"),
    "a fraction": ("function solution(n) { return n + 0.25 }", "1.5", "1.75"),
    "a number that is a whole one": ("function solution(n) { return n }", "1e3", "1000"),
    "a big integer": ("function solution(n) { return BigInt(n) ** 10n }", "1000", "1" + "0" * 30),
    "a string in quotes": ("function solution(s) { return [...s].reverse().join('') }", '"a b"', "b a"),
    "a string with escapes": ("function solution(s) { return s }", '"tab\\tand \\u00e9\\ud83d\\ude00"', "tab\tand é😀"),
    "a string without quotes": ("function solution(s) { return s.toUpperCase() }", "hello world", "HELLO WORLD"),
    "text that only begins like JSON": ("function solution(s) { return s }", "5-3", "5-3"),
    "several arguments with commas": ("function solution(a, b) { return a.length + b }", "[1,2], 3", "5"),
    "several arguments with blanks": ("function solution(a, b, c) { return a + b + c }", "1 2\n3", "6"),
    "an array": ("function solution(a) { return a.map((n) => n * n) }", "[1, 2, 3]", "[1,4,9]"),
    "an object": ("function solution({a}) { return {a: a + 1, b: null} }", '{"a": 1}', '{"a":2,"b":null}'),
    "null": ("function solution(x) { return x === null ? null : 1 }", "null", "null"),
    "booleans": ("function solution(a, b) { return a && !b }", "true false", "true"),
    "no input": ("function solution(...a) { return a.length }", "", "0"),
    "nothing returned": ("function solution() {}", "", "null"),
    "nothing returned, but printed": ("function solution(n) { console.log(n + 1) }", "1", "2"),
    "printing as well as returning": ("function solution(n) { console.log('look'); return n }", "1", "look\n1"),
    "printing without an end of line": ("function solution(n) { process.stdout.write('look'); return n }", "1", "look\n1"),
    "printing outside of it": ("console.log('first');\nfunction solution(n) { return n }", "1", "first\n1"),
    "NaN": ("function solution() { return NaN }", "", "null"),
    "infinity in an array": ("function solution() { return [1 / 0, undefined, 1] }", "", "[null,null,1]"),
    "async": ("async function solution(n) { return n + 1 }", "1", "2"),
    "a promise after a while": ("const solution = (n) => new Promise((r) => setTimeout(() => r(n * 3), 5))", "2", "6"),
    "a thenable": ("function solution() { return { then(r) { r('then') } } }", "", "then"),
    "let and an arrow": ("let solution = async (a, b) => { const c = await a; return c + b }", "1,2", "3"),
    "a class with a method": ("class S { go(n) { return n } }\nfunction solution(n) { return new S().go(n) }", "4", "4"),
    "a comment at the end": ("function solution(n) { return n } // done", "4", "4"),
    "strict code": ("'use strict';\nfunction solution(n) { return this === undefined }", "4", "true"),
    "a program that defines none": ("console.log(require('fs').readFileSync(0, 'utf8').trim() + '!')", "hey", "hey!"),
    "a solution that is no function": ("const solution = 5; console.log(solution)", "1", "5"),
    "a map": ("function solution() { return new Map([[1, 2]]) }", "", "{}"),
    "the program ends itself": ("function solution(n) { console.log('bye'); process.exit() }", "1", "bye"),
    "a date": ("function solution() { return new Date(0) }", "", '"1970-01-01T00:00:00.000Z"'),
}

# what it shows: (code, input, the error's text)
ERRORS = {
    "an exception": ("function solution(n) { throw new RangeError('no ' + n) }", "1", "RangeError: no 1"),
    "a rejection": ("async function solution(n) { throw new TypeError('later') }", "1", "TypeError: later"),
    "a thrown string": ("function solution() { throw 'plain' }", "", "Uncaught plain"),
    "an exception outside of solution": ("function solution(n) { return n }\nnull.x", "1", "TypeError: Cannot read properties of null (reading 'x')"),
    "a circle": ("function solution() { const a = []; a.push(a); return a }", "",
                 "TypeError: Converting circular structure to JSON\n    --> starting at object with constructor 'Array'\n    --- index 0 closes the circle"),
    "an exit status": ("function solution(n) { process.exit(n) }", "3", "exit status 3"),
    "a promise that is never settled": ("function solution() { return new Promise(() => {}) }", "", "Error: solution returned a promise that is never settled"),
    "code that does not parse": ("function solution( { return 1 }", "", "SyntaxError: Unexpected number"),
}


def setUpModule():
    folder = tempfile.TemporaryDirectory()
    unittest.addModuleCleanup(folder.cleanup)
    tokens = os.path.join(folder.name, "tokens")
    with open(tokens, "w", encoding="utf-8") as file:
        file.write(f"{TOKEN} ann\n")
    executor_service.start(EXECUTOR_API_TOKENS_FILE=tokens, EXECUTOR_VALIDATION="on", MAX_EXECUTION_TIME="2", MAX_MEMORY="96")


def ask(code, *cases):
    """(status, answer)"""
    body = {"code": code, "language": "javascript", "testCases": [{"input": i, "expectedOutput": o} for i, o in cases]}
    bytes_ = serve_checks.post_bytes(body, "/api/execute", f"Authorization: Bearer {TOKEN}\r\n")
    status, _, text = serve_checks.ask_raw(executor_service.service.port, bytes_)
    return status, json.loads(text)


class Functions(executor_service.HostCase):
    @classmethod
    def setUpClass(cls):
        executor_service.service.execute("1", language="javascript")  # its sandboxes are kept ready from here on
        super().setUpClass()

    def test_the_table_has_more_than_forty_examples(self):
        self.assertGreaterEqual(len(TABLE) + len(ERRORS), 40)

    def test_what_solution_is_given_and_what_is_shown_of_what_it_returns(self):
        for name, (code, given, output) in TABLE.items():
            with self.subTest(name):
                status, answer = ask(code, (given, output))
                result, = answer["results"]
                self.assertEqual((status, result["output"], result["error"]), (200, output, None))
                self.assertEqual((answer["status"], result["passed"], result["verdict"]), ("completed", True, "accepted"))

    def test_what_goes_wrong_in_the_code_is_told_in_its_own_words(self):
        for name, (code, given, error) in ERRORS.items():
            with self.subTest(name):
                status, answer = ask(code, (given, "1"))
                result, = answer["results"]
                self.assertEqual((status, answer["status"], result["error"]), (200, "completed", error))
                self.assertEqual((result["passed"], result["verdict"]), (False, "runtime_error"))

    def test_each_case_runs_afresh(self):
        code = "const seen = []; function solution(n) { seen.push(n); return seen }"
        self.assertEqual([r["output"] for r in ask(code, ("1", "[1]"), ("2", "[2]"))[1]["results"]], ["[1]", "[2]"])

    def test_time_and_memory_are_those_of_its_own_settings(self):
        status, answer = ask("function solution() { for (;;); }", ("", ""))
        self.assertEqual((status, answer["status"], answer["results"][0]["error"]), (200, "timeout", "time limit exceeded"))
        status, answer = ask("function solution() { const a = []; for (;;) a.push([a.length]) }", ("", ""))
        self.assertEqual((status, answer["status"], answer["results"][0]["error"]), (200, "completed", "memory limit exceeded"))


if __name__ == "__main__":
    unittest.main()
