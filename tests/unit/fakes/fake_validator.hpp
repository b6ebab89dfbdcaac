// A validator that says what the test wants it to say.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <functional>
#include <string>
#include <utility>

#include "validation/validator.hpp"

namespace executor {

class FakeValidator : public Validator {
 public:
  explicit FakeValidator(boost::asio::io_context& context) : context_(context) {}

  void validate(std::string, std::string source, Done done) override {
    ++asked;
    boost::asio::post(context_,
                      [this, source = std::move(source), done = std::move(done)] { done(judge(source)); });
  }

  std::function<Result<ValidationReport>(const std::string&)> judge =
      [](const std::string&) -> Result<ValidationReport> { return ValidationReport{}; };
  int asked = 0;

 private:
  boost::asio::io_context& context_;
};

}  // namespace executor
