#include "rootfs/program.hpp"

#include <doctest/doctest.h>

namespace executor::rootfs {
namespace {

TEST_CASE("a program's output is what it wrote to standard output") {
  CHECK(run_host_program({.argv = {"echo", "a  b", "$HOME;"}}).value() == "a  b $HOME;\n");
}

TEST_CASE("a program gets the environment and the directory it was given, and no input") {
  CHECK(run_host_program({.argv = {"env"}, .environment = std::vector<std::string>{"A=1"}}).value() ==
        "A=1\n");
  CHECK(run_host_program({.argv = {"pwd"}, .working_directory = "/usr"}).value() == "/usr\n");
  CHECK(run_host_program({.argv = {"cat"}}).value().empty());
}

TEST_CASE("a program that fails is an error with its name, its status and what it complained of") {
  const auto run = run_host_program({.argv = {"cat", "/nonexistent"}});
  REQUIRE(run.has_error());
  CHECK(run.error().message() == "run \"cat\": exit status 1\ncat: /nonexistent: No such file or directory");
}

TEST_CASE("a program that is not there is an error with its name") {
  const auto run = run_host_program({.argv = {"/nonexistent/program"}});
  REQUIRE(run.has_error());
  CHECK(run.error().code == std::errc::no_such_file_or_directory);
  CHECK(run.error().what == "start \"/nonexistent/program\"");
}

}  // namespace
}  // namespace executor::rootfs
