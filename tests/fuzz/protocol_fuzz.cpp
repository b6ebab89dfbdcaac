// Frames between front and supervisor, and what a payload reads before its program, from a peer that lies.
#include <cstdlib>
#include <string_view>

#include "supervisor/protocol.hpp"
#include "zygote/protocol.hpp"

namespace {

using namespace executor;

/// What was read writes the same bytes again, and those are read as the same.
template <class Message>
void read_and_write(std::string_view body) {
  const auto message = supervisor::decode<Message>(body);
  if (!message) return;
  const std::string frame = supervisor::encode(*message);
  if (!supervisor::decode<Message>(std::string_view(frame).substr(5))) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace executor::supervisor;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  FrameSplitter frames;
  frames.append(bytes.substr(0, size / 2));
  for (int half = 0; half < 2; ++half) {
    while (const auto frame = frames.next()) {
      read_and_write<RunMessage>(frame->body);
      read_and_write<FinishedMessage>(frame->body);
      read_and_write<FailedMessage>(frame->body);
      read_and_write<ReadyMessage>(frame->body);
      read_and_write<StatisticsMessage>(frame->body);
      read_and_write<CancelMessage>(frame->body);
    }
    if (half == 0) frames.append(bytes.substr(size / 2));
  }
  read_and_write<RunMessage>(bytes);
  read_and_write<FinishedMessage>(bytes);
  ArchiveReader reader(bytes);
  zygote::HandOver hand_over;
  reader(hand_over);
  return 0;
}
