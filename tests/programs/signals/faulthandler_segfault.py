# With faulthandler on, a message comes before the end.
import faulthandler

faulthandler.enable(all_threads=False)
faulthandler._sigsegv()
