from __future__ import annotations
import __future__


def f(x: Undefined) -> "Also undefined":
    return x


print(f.__annotations__, __future__.all_feature_names)
