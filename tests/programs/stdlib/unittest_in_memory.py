import io
import re
import unittest


class Tests(unittest.TestCase):
    def test_passes(self):
        self.assertEqual(1 + 1, 2)

    def test_fails(self):
        self.assertEqual({"a": [1, 2]}, {"a": [1, 3]})

    def test_errors(self):
        {}["x"]

    @unittest.skip("not today")
    def test_skipped(self):
        pass

    def test_parts(self):
        for n in range(3):
            with self.subTest(n=n):
                self.assertNotEqual(n, 1)


held = io.StringIO()
result = unittest.TextTestRunner(held, verbosity=2).run(unittest.defaultTestLoader.loadTestsFromTestCase(Tests))
print(re.sub(r"in \d+\.\d+s", "in N s", held.getvalue()), result)
