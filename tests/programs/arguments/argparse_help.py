import argparse

parser = argparse.ArgumentParser(epilog="The end.")
parser.add_argument("file", help="what to read", metavar="FILE")
parser.add_argument("--level", choices=["low", "high"], help="how much (default: %(default)s)", default="low")
commands = parser.add_subparsers(title="commands", dest="command")
commands.add_parser("run", help="run it")
parser.parse_args()
