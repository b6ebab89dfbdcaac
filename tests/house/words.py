#!/usr/bin/python3
"""No file speaks of what is no business of a reader: one machine's paths, package mirrors, unfinished work."""

import re
import tempfile
import unittest
from pathlib import Path

import tree

# One letter of each stands in brackets, so that this file may stand in the repository itself.
FORBIDDEN = re.compile(
    r"""(?P<machine>/wor[k]/|/home/[a-z]+/|\.\./share[d])
      | (?P<mirror>\b(?:deb|snapshot|security)\.debia[n]\.org|registry\.npmj[s]|\bpypi\.or[g]|[\w-]+-docker\.pk[g]\.dev)
      | (?P<unfinished>\bTOD[O]\b|\bFIXM[E]\b|\bHAC[K]\b)
      | (?P<tracker>\b[Ii]ssue\ [#]?[0-9]+\b)""",
    re.VERBOSE)


def breaches(root):
    found = []
    for path in tree.files(root):
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue  # tests/programs has sources in other encodings on purpose
        for number, line in enumerate(text.splitlines(), 1):
            if match := FORBIDDEN.search(line):
                found.append(f"{path.relative_to(root)}:{number}: {match.lastgroup}: {match[0]}")
    return found


class Words(unittest.TestCase):
    def test_no_file_has_a_forbidden_word(self):
        self.assertEqual([], breaches(tree.ROOT))

    def test_each_kind_is_found(self):
        planted = {"machine": "cd /wor" + "k/main", "mirror": "http://deb.debia" + "n.org/debian",
                   "unfinished": "// TOD" + "O: later", "tracker": "see issue " + "12"}
        for kind, line in planted.items():
            with self.subTest(kind), tempfile.TemporaryDirectory() as folder:
                Path(folder, "x.txt").write_text(f"first\n{line}\n")
                found = breaches(Path(folder))
                self.assertEqual(1, len(found), found)
                self.assertIn(f"x.txt:2: {kind}:", found[0])


if __name__ == "__main__":
    unittest.main()
