import logging
import logging.handlers
import sys

logging.warning("by the root logger, to stderr")
log = logging.getLogger("a.b")
handler = logging.StreamHandler(sys.stdout)
handler.setFormatter(logging.Formatter("{levelname:<8}|{name}|{funcName}|{lineno}|{filename}|{processName}|{threadName}|{message}", style="{"))
log.addHandler(handler)
log.propagate = False
log.setLevel("DEBUG")


def f():
    log.debug("detail %s", 1)
    log.error("trouble", exc_info=ValueError("attached"), stack_info=True)


f()
print(log, logging.getLogger("a"), logging.lastResort, log.isEnabledFor(5))
memory = logging.handlers.MemoryHandler(10, target=handler)
log.handlers = [memory]
log.info("written when logging shuts down")
print("end")
