#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/socket.h>

#include "base/sys.hpp"

namespace executor::sys {
namespace {

TEST_CASE("a file that is not there is named with its reason") {
  const auto content = read_file("/nonexistent/file");
  REQUIRE_FALSE(content.has_value());
  CHECK(content.error().message() == "open \"/nonexistent/file\": No such file or directory");
}

TEST_CASE("descriptors travel over a socket and are close-on-exec") {
  auto pair = make_socket_pair(SOCK_SEQPACKET);
  auto pipe = make_pipe();
  REQUIRE(pair.has_value());
  REQUIRE(pipe.has_value());
  const int fds[] = {pipe->read.get()};
  REQUIRE(send_with_fds(pair->first.get(), "hello", fds).has_value());
  char buffer[16];
  auto received = receive_with_fds(pair->second.get(), buffer);
  REQUIRE(received.has_value());
  CHECK(std::string(buffer, received->size) == "hello");
  REQUIRE(received->fds.size() == 1);
  CHECK((::fcntl(received->fds[0].get(), F_GETFD) & FD_CLOEXEC) != 0);
  REQUIRE(raw::write_all(pipe->write.get(), "x", 1));
  char byte = 0;
  CHECK(raw::read_all(received->fds[0].get(), &byte, 1));
  CHECK(byte == 'x');
}

TEST_CASE("more descriptors than a message carries are refused") {
  auto pair = make_socket_pair(SOCK_SEQPACKET);
  REQUIRE(pair.has_value());
  const std::vector<int> fds(17, 0);
  const auto sent = send_with_fds(pair->first.get(), "x", fds);
  REQUIRE_FALSE(sent.has_value());
  CHECK(sent.error().code == std::errc::argument_list_too_long);
}

TEST_CASE("a memory file can be read but not changed") {
  auto file = make_memory_file("test", "content");
  REQUIRE(file.has_value());
  char buffer[7];
  CHECK(raw::read_all(file->get(), buffer, sizeof buffer));
  CHECK(std::string(buffer, sizeof buffer) == "content");
  CHECK_FALSE(raw::write_all(file->get(), "x", 1));
}

TEST_CASE("reading past the end is an error with errno 0") {
  auto pipe = make_pipe();
  REQUIRE(pipe.has_value());
  pipe->write.reset();
  char byte = 0;
  errno = EPERM;
  CHECK_FALSE(raw::read_all(pipe->read.get(), &byte, 1));
  CHECK(errno == 0);
}

TEST_CASE("random names have the asked length and differ") {
  CHECK(random_hex(6).size() == 12);
  CHECK(random_hex(6) != random_hex(6));
}

}  // namespace
}  // namespace executor::sys
