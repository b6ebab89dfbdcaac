#include "sandbox/privileges.hpp"

#include <sys/prctl.h>
#include <sys/resource.h>

#include <cerrno>

namespace executor::sandbox {

cap_t empty_capabilities() {
  static const cap_t empty = cap_init();
  return empty;
}

bool drop_bounding_set() {
  // EINVAL comes for the first capability that this kernel does not know
  for (cap_value_t capability = 0;; ++capability)
    if (cap_drop_bound(capability) != 0) return errno == EINVAL && capability > 0;
}

bool drop_capabilities(cap_t empty) {
  if (empty == nullptr) {
    errno = ENOMEM;
    return false;
  }
  // not cap_reset_ambient: it asks for each capability first
  if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0 || cap_set_proc(empty) != 0)
    return false;
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2]{};
  if (::capget(&header, data) != 0) return false;
  for (const auto& set : data) {
    if ((set.effective | set.permitted | set.inheritable) != 0) {
      errno = EPERM;
      return false;
    }
  }
  return true;
}

bool become_undumpable() { return ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0; }

bool set_no_new_privileges() { return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0; }

bool set_limit(__rlimit_resource resource, rlim_t value) {
  const rlimit limit{value, value};
  return ::setrlimit(resource, &limit) == 0;
}

bool forbid_core_dumps() {
  rlimit now{};
  return ::getrlimit(RLIMIT_CORE, &now) == 0 && set_limit(RLIMIT_CORE, now.rlim_max == 0 ? 0 : 1);
}

}  // namespace executor::sandbox
