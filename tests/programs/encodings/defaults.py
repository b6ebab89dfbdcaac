import codecs
import locale
import sys

print(sys.getdefaultencoding(), sys.getfilesystemencoding(), sys.getfilesystemencodeerrors())
print(locale.getpreferredencoding(), locale.getpreferredencoding(False), locale.getencoding(), sys.flags.utf8_mode)
print(locale.setlocale(locale.LC_CTYPE), locale.setlocale(locale.LC_ALL), locale.localeconv()["decimal_point"])
print(codecs.lookup("utf8").name, open(__file__).encoding)
