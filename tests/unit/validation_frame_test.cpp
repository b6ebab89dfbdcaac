#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "validation/frame.hpp"

using namespace executor;
using namespace std::string_literals;

TEST_CASE("a frame is four bytes of length and the body") {
  CHECK(make_frame("abc") == "\0\0\0\3abc"s);
  CHECK(make_frame("") == "\0\0\0\0"s);
  CHECK(make_frame(std::string(0x010203, 'x')).starts_with("\0\1\2\3x"s));
}

TEST_CASE("frames come out whole however the stream is cut") {
  const std::string stream = make_frame("first") + make_frame("") + make_frame(std::string(1000, 'x'));
  for (const std::size_t step : {1, 2, 3, 7, 5000}) {
    FrameReader reader(1000);
    std::vector<std::string> bodies;
    for (std::size_t at = 0; at < stream.size(); at += step) {
      reader.append(std::string_view(stream).substr(at, step));
      while (auto body = reader.next()) bodies.push_back(*body);
    }
    CHECK(bodies == std::vector<std::string>{"first", "", std::string(1000, 'x')});
    CHECK_FALSE(reader.oversized());
  }
}

TEST_CASE("a length beyond what is allowed ends the stream before its body comes") {
  FrameReader reader(1000);
  reader.append(make_frame("ok") + "\0\0\3\xe9"s);
  CHECK(reader.next() == "ok");
  CHECK_FALSE(reader.next().has_value());
  CHECK(reader.oversized());
  reader.append(make_frame("late"));
  CHECK_FALSE(reader.next().has_value());
  FrameReader huge(1000);
  huge.append("\xff\xff\xff\xff"s);
  CHECK_FALSE(huge.next().has_value());
  CHECK(huge.oversized());
}
