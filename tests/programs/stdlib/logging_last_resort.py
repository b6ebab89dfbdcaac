import logging

logging.getLogger("x").info("not shown")
logging.getLogger("x").warning("shown by the last resort")
logging.basicConfig(level=logging.INFO)
logging.info("shown %(a)s", {"a": 1})
logging.getLogger("x").critical("critical")
