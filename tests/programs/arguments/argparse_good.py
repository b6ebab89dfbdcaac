import argparse

parser = argparse.ArgumentParser(description="A program.")
parser.add_argument("names", nargs="+")
parser.add_argument("-n", "--number", type=int, default=1)
parser.add_argument("--flag", action="store_true")
print(parser.parse_args(), parser.prog)
