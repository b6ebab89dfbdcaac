// The source policy as its callers see it: a program's text goes in, violations come out.
//
// Thread safety: calls and callbacks on the owner's io_context thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "executor/error.hpp"
#include "spec/violation.hpp"

namespace executor {

struct ValidationReport {
  bool compile_error = false;  ///< the only violation is a syntax error, rule "syntax"
  std::vector<Violation> violations;
  /// What the parser's sandbox compiled the source to (Program::compiled), where it did and that is
  /// remembered. Bytes of strangers: nobody but a payload looks into them.
  std::shared_ptr<const std::string> code{};
  [[nodiscard]] bool ok() const { return violations.empty(); }
};

class Validator {
 public:
  using Done = std::function<void(Result<ValidationReport>)>;
  virtual ~Validator() = default;
  /// Parses `source` and holds it against the policy. `done` is called exactly once, never from inside
  /// validate(); an Error means that the parser's sandbox failed, which the caller answers as a refusal, not
  /// as acceptance.
  virtual void validate(std::string language, std::string source, Done done) = 0;
};

}  // namespace executor
