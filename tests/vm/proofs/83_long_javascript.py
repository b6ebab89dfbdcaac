"""The tests of JavaScript, as the unit's user. One program at a time: several that start together take longer under emulation
than the half minute that the service gives an interpreter."""

import proving
import testing

for name in ("sandbox/javascript", "security/node_surface", "security/javascript"):
    testing.passes(name, concurrency=1)

proving.main()
