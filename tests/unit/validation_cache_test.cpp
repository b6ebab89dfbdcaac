#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <utility>

#include "validation/report_cache.hpp"

using namespace executor;

namespace {

SourceKey key(int number) { return source_key("python", std::to_string(number)); }
ValidationReport report(const std::string& message) { return {false, {{1, 1, "module", message}}}; }

}  // namespace

TEST_CASE("a source is named by the SHA-256 of its language and text") {
  CHECK(source_key("python", "x = 1") == source_key("python", "x = 1"));
  CHECK(source_key("python", "x = 1") != source_key("python", "x = 2"));
  CHECK(source_key("python", "x") != source_key("pythonx", ""));
  const SourceKey nothing = source_key("", "");  // SHA-256 of one NUL byte
  CHECK(nothing[0] == 0x6e);
  CHECK(nothing[1] == 0x34);
  CHECK(nothing[31] == 0x1d);
}

TEST_CASE("what was used least recently goes first") {
  ReportCache cache(3, 1'000'000);
  for (int i = 0; i < 3; ++i) cache.put(key(i), report(std::to_string(i)));
  REQUIRE(cache.find(key(0)) != nullptr);
  cache.put(key(3), {});
  CHECK(cache.find(key(1)) == nullptr);
  CHECK(cache.find(key(0))->violations[0].message == "0");
  CHECK(cache.find(key(2)) != nullptr);
  CHECK(cache.find(key(3))->ok());
  CHECK(cache.size() == 3);
}

TEST_CASE("an entry put again is replaced") {
  ReportCache cache(2, 1'000'000);
  cache.put(key(1), report("old"));
  cache.put(key(1), report("new"));
  CHECK(cache.size() == 1);
  CHECK(cache.find(key(1))->violations[0].message == "new");
}

TEST_CASE("code counts, and is gone with its entry") {
  ReportCache cache(1000, 10'000);
  std::weak_ptr<const std::string> first;
  for (int i = 0; i < 10; ++i) {
    ValidationReport fine;
    fine.code = std::make_shared<const std::string>(3000, 'c');
    if (i == 0) first = fine.code;
    cache.put(key(i), std::move(fine));
  }
  CHECK(cache.size() == 3);
  CHECK(cache.bytes() == 9000);
  CHECK(first.expired());
  CHECK(cache.find(key(9))->code->size() == 3000);
}

TEST_CASE("the cache is bounded in bytes as well") {
  ReportCache cache(1000, 10'000);
  for (int i = 0; i < 100; ++i) cache.put(key(i), report(std::string(1000, 'x')));
  CHECK(cache.bytes() <= 10'000);
  CHECK(cache.size() >= 5);
  CHECK(cache.find(key(99)) != nullptr);
  cache.put(key(200), report(std::string(20'000, 'x')));
  CHECK(cache.find(key(200)) == nullptr);
  CHECK(cache.find(key(99)) != nullptr);
}
