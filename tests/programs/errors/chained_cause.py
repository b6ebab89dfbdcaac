try:
    {}["key"]
except KeyError as error:
    raise RuntimeError("lookup failed") from error
