import argparse
import pathlib

parser = argparse.ArgumentParser(prog="tool", exit_on_error=False)
parser.add_argument("path", type=pathlib.Path)
group = parser.add_mutually_exclusive_group()
group.add_argument("-v", action="count", default=0)
group.add_argument("-q", action="store_false")
parser.add_argument("--version", action="version", version="%(prog)s 2.0")
print(parser.parse_args(["x", "-vv"]), parser.format_usage())
parser.parse_args(["--version"])
