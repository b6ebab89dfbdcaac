// A wall clock that a test moves: preloaded into a server, with MOVED_CLOCK naming a file of eight bytes, the
// seconds by which it is ahead. Monotonic clocks are as they are.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include <cstdlib>
#include <ctime>

namespace {

using ClockGettime = int (*)(clockid_t, timespec*);

const volatile long kNone = 0;
const volatile long* ahead = &kNone;
ClockGettime real = nullptr;

[[gnu::constructor]] void begin() {
  real = reinterpret_cast<ClockGettime>(dlsym(RTLD_NEXT, "clock_gettime"));
  const char* path = std::getenv("MOVED_CLOCK");
  const int file = path == nullptr ? -1 : open(path, O_RDONLY | O_CLOEXEC);
  void* mapped = file < 0 ? MAP_FAILED : mmap(nullptr, sizeof(long), PROT_READ, MAP_SHARED, file, 0);
  if (file >= 0) close(file);
  if (mapped != MAP_FAILED) ahead = static_cast<const volatile long*>(mapped);
}

}  // namespace

extern "C" int clock_gettime(clockid_t clock, timespec* now) noexcept {
  const int result =
      real != nullptr ? real(clock, now) : static_cast<int>(syscall(SYS_clock_gettime, clock, now));
  if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += *ahead;
  return result;
}

extern "C" int gettimeofday(timeval* now, void* /*zone*/) noexcept {
  timespec moved{};
  clock_gettime(CLOCK_REALTIME, &moved);
  *now = {moved.tv_sec, moved.tv_nsec / 1000};
  return 0;
}

extern "C" time_t time(time_t* now) noexcept {
  timespec moved{};
  clock_gettime(CLOCK_REALTIME, &moved);
  if (now != nullptr) *now = moved.tv_sec;
  return moved.tv_sec;
}
