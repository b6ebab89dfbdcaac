# unittest.main ends the program with its status. The times are cut out.
import re
import sys
import unittest


class Out:
    def write(self, text):
        sys.stdout.write(re.sub(r"in [\d.]+s", "in N s", text))

    def flush(self):
        pass


class Tests(unittest.TestCase):
    def test_good(self):
        self.assertTrue(True)

    def test_bad(self):
        self.assertIn("x", "abc")


unittest.main(testRunner=unittest.TextTestRunner(Out()))
