// A program that comes with its code: the code is what runs, unless it is none of the interpreter's own.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <cstdio>
#include <memory>
#include <string>

#include "executor/runner.hpp"

namespace executor {
namespace {

std::unique_ptr<Runner> runner;  // made before any thread

Outcome run(const std::string& source, const std::string& compiled = {}) {
  Program program;
  program.source = source;
  program.compiled = compiled;
  auto outcome = runner->run(program);
  REQUIRE(outcome.has_value());
  return std::move(*outcome);
}

/// What the interpreter of the sandbox makes of `expression`, behind its magic number.
std::string marshalled(const std::string& expression) {
  const Outcome outcome =
      run("import importlib.util, marshal, sys\n"
          "sys.stdout.buffer.write(importlib.util.MAGIC_NUMBER + marshal.dumps(" +
          expression + "))");
  REQUIRE(outcome.stdout_bytes.size() > 4);
  return outcome.stdout_bytes;
}

std::string code_of(const std::string& source) {
  return marshalled("compile(" + source + ", '/tmp/main.py', 'exec')");
}

const std::string kSource = "print('source')";

TEST_CASE("code that comes along is what runs, and the source still stands in its file") {
  const std::string code = code_of("\"print('code', __name__, __file__, open(__file__).read())\"");
  CHECK(run(kSource, code).stdout_bytes == "code __main__ /tmp/main.py " + kSource + "\n");
  CHECK(run(kSource).stdout_bytes == "source\n");
}

TEST_CASE("a traceback out of code that came along shows the lines of the source") {
  const Outcome outcome = run("x = 1\nx / 0\n", code_of(R"('x = 1\nx / 0\n')"));
  CHECK(outcome.ending == Ending::exited);
  CHECK(outcome.stdout_bytes.empty());
  CHECK(outcome.exit_code == 1);
  CHECK(outcome.stderr_bytes ==
        "Traceback (most recent call last):\n  File \"/tmp/main.py\", line 2, in <module>\n    x / 0\n    "
        "~~^~~\nZeroDivisionError: division by zero\n");
}

TEST_CASE("what is no code of this interpreter is not run, and the source is compiled") {
  const std::string code = code_of("\"print('code')\"");
  std::string other_magic = code;
  other_magic[0] = static_cast<char>(other_magic[0] ^ 1);
  for (const std::string& bytes : {std::string("c"), code.substr(0, 4), code.substr(0, code.size() / 2),
                                   other_magic, code.substr(0, 4) + "garbage", marshalled("7")})
    CHECK(run(kSource, bytes).stdout_bytes == "source\n");
}

TEST_CASE("code that breaks the interpreter ends its own run alone") {
  const std::string broken =
      marshalled("compile('1', 'x', 'exec').replace(co_code=bytes([100, 255]) * 40, co_stacksize=1)");
  CHECK(run(kSource, broken).ending != Ending::exited);
  CHECK(run(kSource).stdout_bytes == "source\n");
}

}  // namespace
}  // namespace executor

int main(int argc, char** argv) {
  constexpr int kSkipped = 77;
  auto started = executor::Runner::start();
  if (!started) {
    std::printf("skipped: no sandbox can be built here: %s\n", started.error().message().c_str());
    return kSkipped;
  }
  executor::runner = std::move(*started);
  const int status = doctest::Context(argc, argv).run();
  executor::runner.reset();
  return status;
}
