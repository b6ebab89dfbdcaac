"""The tests of sandboxes and their security, and a share of those of the service, as the unit's user."""

import proving
import testing

for name in ("sandbox/verdicts", "security/filesystem", "security/forgery", "security/kernel_surface", "security/leaks", "security/privileges",
             "security/resources", "integration/serve_http", "integration/serve_errors", "integration/serve_stop",
             "integration/serve_recovery", "integration/serve_redis"):
    testing.passes(name)

proving.main()
