import sys

print(sys._getframe().f_back, sys._getframe(0).f_code.co_name)
sys._getframe(1)
