# DeprecationWarning is shown for __main__ only.
import warnings

warnings.warn("old", DeprecationWarning)
warnings.warn("pending", PendingDeprecationWarning)
warnings.warn("user")
warnings.warn("runtime", RuntimeWarning, stacklevel=1)
warnings.warn("imports", ImportWarning)
warnings.warn("resource", ResourceWarning)


def old():
    warnings.warn("from caller", DeprecationWarning, stacklevel=2)


for _ in range(3):
    old()
