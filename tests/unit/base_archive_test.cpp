#include <doctest/doctest.h>

#include "base/archive.hpp"

namespace executor {
namespace {

struct Sample {
  std::uint32_t number = 0;
  bool flag = false;
  std::string text;
  std::vector<std::string> list;
  std::chrono::milliseconds time{};
};
template <class A>
void archive_fields(A& archive, Sample& sample) {
  archive(sample.number, sample.flag, sample.text, sample.list, sample.time);
}

std::string written(const Sample& sample) {
  ArchiveWriter writer;
  writer(sample);
  return writer.take();
}

TEST_CASE("what is written is read back") {
  const Sample sample{7, true, std::string("a\0b", 3), {"x", "", "yz"}, std::chrono::milliseconds(-5)};
  const std::string bytes = written(sample);
  Sample back;
  ArchiveReader reader(bytes);
  reader(back);
  REQUIRE(reader.finished());
  CHECK(back.number == 7);
  CHECK(back.flag);
  CHECK(back.text == sample.text);
  CHECK(back.list == sample.list);
  CHECK(back.time == sample.time);
}

TEST_CASE("every truncation of a message is noticed") {
  const std::string bytes = written({7, true, "text", {"x", "yz"}, std::chrono::milliseconds(1)});
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    Sample back;
    ArchiveReader reader(std::string_view(bytes).substr(0, size));
    reader(back);
    CHECK_FALSE(reader.finished());
  }
}

TEST_CASE("a byte too many is noticed") {
  const std::string bytes = written({}) + "x";
  Sample back;
  ArchiveReader reader(bytes);
  reader(back);
  CHECK(reader.ok());
  CHECK_FALSE(reader.finished());
}

TEST_CASE("a claimed length beyond the message allocates nothing") {
  const std::string bytes("\xff\xff\xff\xff", 4);
  std::vector<std::string> list;
  ArchiveReader reader(bytes);
  reader(list);
  CHECK_FALSE(reader.ok());
  CHECK(list.capacity() == 0);
}

TEST_CASE("a flag is 0 or 1 and nothing else") {
  const std::string bytes("\x02", 1);
  bool flag = false;
  ArchiveReader reader(bytes);
  reader(flag);
  CHECK_FALSE(reader.ok());
}

}  // namespace
}  // namespace executor
