#include "sandbox/stages.hpp"

#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/sys.hpp"

namespace executor::sandbox {

namespace {

constexpr std::array kNames = {
    "init: descriptors",
    "init: session",
    "init: namespaces",
    "init: bind root",
    "init: work directory",
    "init: pivot_root",
    "init: detach old root",
    "init: check root",
    "init: hostname",
    "init: id maps",
    "init: ids",
    "init: parent death",
    "init: bounding set",
    "init: capabilities",
    "init: not dumpable",
    "init: no_new_privs",
    "init: filter",
    "init: ready",
    "payload: cgroup",
    "payload: join namespaces",
    "payload: descriptors",
    "payload: session",
    "payload: working directory",
    "payload: limits",
    "payload: groups",
    "payload: group id",
    "payload: user id",
    "payload: parent death",
    "payload: bounding set",
    "payload: capabilities",
    "payload: not dumpable",
    "payload: no_new_privs",
    "payload: filter",
    "payload: ready",
};
static_assert(kNames.size() == kStageCount);

}  // namespace

const char* stage_name(Stage stage) {
  const auto index = static_cast<std::uint32_t>(stage);
  return index < kStageCount ? kNames[index] : "unknown stage";
}

Error stage_error(const StageReport& report) {
  return {"build sandbox", std::error_code(report.error_number, std::generic_category()),
          stage_name(report.stage)};
}

void fail_stage(int report_fd, Stage stage) {
  constexpr int kFailed = 125;
  const StageReport report{stage, errno};
  (void)sys::raw::write_all(report_fd, &report, sizeof report);
  ::_exit(kFailed);
}

void report_stage(int report_fd, Stage stage) {
  const StageReport report{stage, 0};
  (void)sys::raw::write_all(report_fd, &report, sizeof report);
}

}  // namespace executor::sandbox
