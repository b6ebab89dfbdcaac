def area(width: float, height: float = 1.0, *, unit="m") -> str:
    """Returns the area as text.

    A second paragraph.
    """
    return f"{width * height} {unit}²"


class Thing:
    """A thing."""

    def method(self):
        "What it does."


help(area)
help(Thing)
