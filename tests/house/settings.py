#!/usr/bin/python3
"""Each setting of the service stands in the table of docs/operating.md, with its flag, and none that is no setting."""

import re
import unittest

import tree

SETTING = re.compile(r'\{"([A-Z][A-Z_]+)",\s*"(--[a-z-]+)"')
ROW = re.compile(r"^\| `([A-Z][A-Z_]+)` \| `(--[a-z-]+)` \|", re.MULTILINE)


class Settings(unittest.TestCase):
    def test_the_page_has_the_settings_of_the_code(self):
        code = SETTING.findall((tree.ROOT / "src/app/config.cpp").read_text())
        self.assertGreater(len(code), 20)
        self.assertEqual(sorted(code), sorted(ROW.findall((tree.ROOT / "docs/operating.md").read_text())))

    def test_the_readme_names_only_settings_that_exist(self):
        code = {name for name, _ in SETTING.findall((tree.ROOT / "src/app/config.cpp").read_text())}
        used = set(re.findall(r"^\| `([A-Z][A-Z_]+)`", (tree.ROOT / "README.md").read_text(), re.MULTILINE))
        self.assertTrue(used)
        self.assertEqual(set(), used - code)


if __name__ == "__main__":
    unittest.main()
