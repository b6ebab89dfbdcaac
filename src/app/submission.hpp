// What `executor submit` sends and what it shows: files → a request, an answer → a table. No network.
#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "executor/error.hpp"

namespace executor {

struct Submission {
  struct Case {
    std::string name{};
    std::string input{};
    std::optional<std::string> expected{};
  };
  std::string language = "python";
  std::string source{};
  std::vector<Case> cases{};
};

/// Of `files` one is the program, by its extension; the others are folders of NAME.in and NAME.out, or single
/// NAME.in files whose NAME.out stands beside them. A folder may hold the program too. Without any test the
/// program runs once, without input. Tests are in the order of their names, numbers by their value.
[[nodiscard]] Result<Submission> read_submission(const std::vector<std::string>& files);

/// The body of POST /execute.
[[nodiscard]] nlohmann::json submission_request(const Submission& submission);

/// One line for each test and one for all, from the answer of POST /execute.
[[nodiscard]] std::string verdict_table(const nlohmann::json& answer);

/// "[####----] 12/24", `width` characters between the brackets.
[[nodiscard]] std::string progress_bar(std::size_t done, std::size_t total, std::size_t width);

}  // namespace executor
