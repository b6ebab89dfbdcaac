import sys

sys.exit("für stderr: \udc80 €")
