# Deprecated things of the library, called from __main__.
import locale
import unittest

locale.getdefaultlocale()
print(unittest.makeSuite(unittest.TestCase))
import imp
