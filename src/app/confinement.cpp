#include "app/confinement.hpp"

#include <linux/seccomp.h>
#include <sys/prctl.h>

#include <cerrno>

#include "base/sys.hpp"
#include "rootfs/paths.hpp"
#include "seccomp/filter.hpp"

namespace executor {

Result<Confinement> Confinement::prepare() {
  const auto text = sys::read_file((rootfs::data_directory() / "seccomp-profiles/front.json").string());
  if (!text) return text.error().context("the front's seccomp profile");
  const auto profile = seccomp::parse_profile(*text);
  if (!profile) return profile.error().context("the front's seccomp profile");
  auto filter = seccomp::compile(*profile, seccomp::KillMode::kill);
  if (!filter) return filter.error().context("the front's seccomp profile");
  return Confinement(std::move(*filter));
}

Result<void> Confinement::enter() const {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return errno_error("set no_new_privs", errno);
  // the resolver of a queue's host may already have a thread
  if (sys::raw::load_filter(filter_.data(), static_cast<unsigned short>(filter_.size()),
                            SECCOMP_FILTER_FLAG_TSYNC) != 0)
    return errno_error("load the front's seccomp filter", errno);
  return {};
}

}  // namespace executor
