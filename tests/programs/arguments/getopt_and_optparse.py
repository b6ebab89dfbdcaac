import getopt
import optparse
import sys

print(getopt.gnu_getopt(sys.argv[1:], "ab:", ["long="]))
parser = optparse.OptionParser(version="%prog 1.0")
parser.add_option("-a", action="store_true")
parser.add_option("-b", type="int")
parser.add_option("--long")
print(parser.parse_args())
parser.parse_args(["-b", "x"])
