// What an engine answers and what comes out of a container: the first byte says which, the rest is the
// answer.
#include <cstdlib>
#include <string>
#include <string_view>

#include "backend/docker_messages.hpp"

namespace {

using namespace executor::docker;

/// In pieces or whole, the same bytes come out, and no more than went in.
void demultiplex(std::string_view bytes) {
  const auto collect = [bytes](std::size_t piece) {
    Demultiplexer streams;
    std::string out[2];
    bool whole = true;
    for (std::size_t at = 0; at < bytes.size() && whole; at += piece)
      whole = streams.feed(bytes.substr(at, piece),
                           [&out](bool is_stderr, std::string_view part) { out[is_stderr ? 1 : 0] += part; });
    if (out[0].size() + out[1].size() > bytes.size()) std::abort();
    return std::make_tuple(whole, out[0], out[1]);
  };
  const auto at_once = collect(bytes.size() + 1);
  if (std::get<0>(at_once) && at_once != collect(1)) std::abort();
}

void report(std::string_view bytes) {
  const std::string nonce(32, 'n');
  std::string text(bytes);
  const auto taken = take_report(text, nonce);
  if (taken && (text.size() + kReportSize != bytes.size() || bytes.find(nonce) == std::string_view::npos))
    std::abort();
  if (!taken && text != bytes) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view answer(reinterpret_cast<const char*>(data + 1), size - 1);
  switch (data[0]) {
    case 'v':
      if (const auto facts = negotiate(answer); facts && facts->api.empty()) std::abort();
      break;
    case 'i':
      (void)check_info(answer, true);
      break;
    case 'm':
      if (const auto id = check_image(answer); id && id->empty()) std::abort();
      break;
    case 'c':
      if (complaint(500, answer).empty()) std::abort();
      break;
    case 'd':
      demultiplex(answer);
      break;
    case 'r':
      report(answer);
      break;
    case 'y':
      if (answer.size() == kReadySize) (void)parse_ready(answer);
      break;
    case 'n':
      if (escaped(answer).size() < answer.size()) std::abort();
      break;
    default:
      break;
  }
  return 0;
}
