// The body of a request, or of a queued message, → a job; and the job's own JSON read again.
#include <cstdlib>
#include <string_view>

#include "spec/parse.hpp"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace executor;
  static const SpecLimits limits;
  const auto job = parse_job({reinterpret_cast<const char*>(data), size}, limits);
  if (!job) {
    if (job.error().status < 400 || job.error().status > 499 || job.error().code.empty()) std::abort();
    return 0;
  }
  if (job->tests.empty() || job->tests.size() > limits.max_tests) std::abort();
  const std::string text = job_to_json(*job);
  const auto again = parse_job(text, limits);
  if (!again || job_to_json(*again) != text) std::abort();
  return 0;
}
