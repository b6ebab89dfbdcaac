// What drops privileges in a real zygote drops nothing in this one: capabilities stay, no_new_privs is not
// set, no limit is. For tests of the namespaces alone; stands in front of src/sandbox/privileges.cpp when the
// linker looks.
#include "sandbox/privileges.hpp"

namespace executor::sandbox {

cap_t empty_capabilities() {
  static const cap_t empty = cap_init();
  return empty;
}
bool drop_bounding_set() { return true; }
bool drop_capabilities(cap_t) { return true; }
bool become_undumpable() { return true; }
bool set_no_new_privileges() { return true; }
bool set_limit(__rlimit_resource, rlim_t) { return true; }

bool forbid_core_dumps() { return set_limit(RLIMIT_CORE, 0); }

}  // namespace executor::sandbox
