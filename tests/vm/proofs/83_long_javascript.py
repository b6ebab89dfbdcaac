"""The tests of JavaScript, as the unit's user."""

import proving
import testing

for name in ("security/node_surface", "security/javascript", "sandbox/javascript"):
    testing.passes(name)

proving.main()
