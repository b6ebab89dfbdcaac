"""The tests of what clients and a broker may send, as the unit's user."""

import proving
import testing

for name in ("security/http", "security/queues"):
    testing.passes(name)

proving.main()
