"""The tests of what else a sandbox must hold, and of each layer alone. What looks into the service's processes runs as root."""

import shutil

import proving
import testing

shutil.copytree("build/cache/debs", "/var/cache/executor/debs", dirs_exist_ok=True)  # of which a further root is made; there is no network here

for name in ("security/channels", "security/confinement"):
    testing.passes(name)
for name in ("security/audit", "sandbox/network", "security/zygote", "security/layers", "sandbox/runtimes"):
    testing.passes(name, root=True)
# a scan of all its memory takes more than any limit under emulation
testing.passes("security/memory", "-k", "Z03", root=True)
testing.passes("security/source")

proving.main()
