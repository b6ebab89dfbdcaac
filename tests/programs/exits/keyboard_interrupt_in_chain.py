try:
    raise KeyboardInterrupt("inner")
except KeyboardInterrupt:
    raise ValueError("outer")
