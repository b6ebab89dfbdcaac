import site
import sys

print(site.ENABLE_USER_SITE, site.PREFIXES, site.getsitepackages(), site.getusersitepackages(), site.getuserbase())
print("sitecustomize" in sys.modules, "usercustomize" in sys.modules)
