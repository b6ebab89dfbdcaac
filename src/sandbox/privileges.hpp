// Dropping what a process may do, for good. Used by init and payload between clone and their filter.
//
// Async-signal-safe, no allocation: the empty capability set is made beforehand. Each function returns false
// with errno. Sources: capabilities(7), prctl(2), libcap.
#pragma once

#include <sys/capability.h>
#include <sys/resource.h>

namespace executor::sandbox {

/// Made once before any clone; never freed. nullptr when libcap could not allocate.
cap_t empty_capabilities();
/// Removes every capability that this kernel knows from the bounding set.
bool drop_bounding_set();
/// Clears ambient, effective, permitted and inheritable sets, then reads them back.
bool drop_capabilities(cap_t empty);
bool become_undumpable();
bool set_no_new_privileges();
bool set_limit(__rlimit_resource resource, rlim_t value);
/// One byte: no file is as small, and a helper that kernel.core_pattern names is not started, which a limit
/// of 0 does not keep it from (core(5)). 0 where the hard limit is that already.
bool forbid_core_dumps();

}  // namespace executor::sandbox
