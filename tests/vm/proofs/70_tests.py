"""A share of the repository's own tests, as the unit's user."""

import proving
import testing

testing.passes("security/filesystem", "-k", "F01", "-k", "F02", "-k", "F03")

proving.main()
