import difflib
import pprint
import reprlib

print("\n".join(difflib.unified_diff("one two three".split(), "one 2 three four".split(), "a", "b", lineterm="")), difflib.get_close_matches("appel", ["ape", "apple", "peach"]))
print("".join(difflib.ndiff(["abc\n"], ["abd\n"])), difflib.SequenceMatcher(None, "abcd", "bcde").ratio())
pprint.pprint({"k" * 10: list(range(30)), "nested": {"a": ("x" * 60, "y" * 30)}}, width=50, compact=True)
print(reprlib.repr(list(range(100))), reprlib.repr("z" * 100), pprint.pformat([1, [2, [3]]], depth=2), pprint.saferepr({2, 1}))
