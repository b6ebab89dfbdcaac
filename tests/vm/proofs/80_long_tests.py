"""The tests of sandboxes and their security, and a share of those of the service, as the unit's user."""

import proving
import testing

for name in ("sandbox/verdicts", "security/filesystem", "security/forgery", "security/kernel_surface", "security/privileges",
             "security/resources", "integration/serve_http", "integration/serve_errors", "integration/serve_stop",
             "integration/serve_recovery", "integration/serve_redis"):
    testing.passes(name)
# a scan of all its memory and two hundred imports of everything take more than any limit under emulation
testing.passes("security/leaks", *(word for case in ("L01", "L04", "L06", "L09", "a_thousand", "L12", "L13") for word in ("-k", case)))

proving.main()
