import sys

sys.stderr.close()
sys.exit("nobody reads this")
