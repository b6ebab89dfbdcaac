"""How arguments are read and results are shown, held against the json module. Usage: worker_solution_call_test.py CALL_PY

The json module is loaded here, and is not where the file runs: the cases run without it too, in an interpreter of their own.
"""

import importlib.util
import json
import math
import subprocess
import sys
import unittest

PATH = sys.argv.pop(1)
spec = importlib.util.spec_from_file_location("call", PATH)
call = importlib.util.module_from_spec(spec)
spec.loader.exec_module(call)

VALUES = ["1", "-0", "1.5", "1e3", "1E-2", "1e999", "12345678901234567890123", "true", "false", "null", '""', '"a\\u00e9\\n\\ud83d\\ude00"', '"\\ud800"',
          "[]", "{}", "[1,[2,[3]]]", '{"a": {"b": [1, 2]}, "a": 2}', " [ 1 , 2 ] ", '{"k":null}', '"\u00e9\u20ac\U0001f600"']
NO_VALUES = ["", " ", "hello", "NaN", "Infinity", "-Infinity", "[NaN]", "01", "1.", ".5", "+1", "--1", "tru", '"', '"a', '"\\x"', '"\\u12"', '"a\nb"', "[", "[1", "[1,",
             "[1,]", "{", '{"a"', '{"a":', '{"a":1', '{"a":1,', '{"a":1,}', "{1:2}", "'a'", "]", "}", ",", "1,", ",1", "1 2", "1,2", "1\n2", "[1][2]", "1 x", '"a" b', "[" * 100_000,
             "9" * 5000]
RESULTS = [1, -1.5, 1e100, 10 ** 30, True, None, [], {}, (1, 2), [1, [2.5, None]], {"a": [1], 2: "x", None: 1, True: 2, 1.5: 3}, ["\u00e9\u2028\x7f\x00\"\\"],
           "\ud800", ["\ud800"], {"k": "\U0001f600"}]
NO_RESULTS = [object(), {1, 2}, b"x", [object()], {(1, 2): 3}, 1j]


def read_by_json(text):
    """As json_values says it reads."""
    def refuse(name):
        raise ValueError(name)
    decoder, values, at = json.JSONDecoder(parse_constant=refuse), [], call.after_blanks(text, 0)
    while at < len(text):
        value, end = decoder.raw_decode(text, at)
        values.append(value)
        at = call.after_blanks(text, end)
        if at < len(text) and text[at] == ",":
            at = call.after_blanks(text, at + 1)
            if at == len(text):
                raise ValueError("comma")
        elif at == end < len(text):
            raise ValueError("nothing between")
    return values


def outcome(function, *values):
    try:
        return repr(function(*values))
    except (ValueError, RecursionError, TypeError) as error:
        return "refused" if isinstance(error, (ValueError, RecursionError)) else f"{type(error).__name__}: {error}"


def shown_by_json(value):
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


class Call(unittest.TestCase):
    def test_values_are_read_as_json_reads_them(self):
        for text in VALUES + NO_VALUES + [f"{one}, {other}" for one in VALUES for other in VALUES[:6]]:
            with self.subTest(text[:40]):
                self.assertEqual(outcome(call.json_values, text), outcome(read_by_json, text))

    def test_results_are_shown_as_json_shows_them(self):
        circle = []
        circle.append(circle)
        for value in [*RESULTS, *NO_RESULTS, circle, math.nan, [math.inf]]:
            with self.subTest(repr(value)[:40]):
                self.assertEqual(outcome(call.compact_json, value), outcome(shown_by_json, value))

    def test_what_json_has_no_number_for_is_null(self):
        self.assertEqual(call.shown([1, math.nan, {"a": -math.inf}]), '[1,null,{"a":null}]')

    def test_without_the_json_module_all_is_the_same(self):
        program = ("import importlib.util, sys\n"
                   "spec = importlib.util.spec_from_file_location('call', sys.argv[1])\n"
                   "call = importlib.util.module_from_spec(spec)\n"
                   "spec.loader.exec_module(call)\n"
                   "for text in eval(sys.stdin.read()): print(ascii(call.arguments(text)))\n"
                   "assert not any(name.startswith('json') for name in sys.modules)\n")
        texts = [text for text in VALUES + NO_VALUES if len(text) < 1000]
        done = subprocess.run([sys.executable, "-I", "-S", "-c", program, PATH], input=ascii(texts), capture_output=True, text=True, timeout=60)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(done.stdout.splitlines(), [ascii(call.arguments(text)) for text in texts])


if __name__ == "__main__":
    unittest.main()
