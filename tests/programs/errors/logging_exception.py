import logging

logging.basicConfig(format="%(levelname)s:%(name)s:%(message)s")
try:
    [][1]
except IndexError:
    logging.exception("seen")
logging.error("bad %s", "format", "arguments")
print("end")
