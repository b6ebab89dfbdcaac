#include "app/submission.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string_view>
#include <utility>

namespace executor {

namespace {

namespace fs = std::filesystem;
using nlohmann::json;

struct Language {
  std::string_view extension;
  std::string_view name;
};
constexpr std::array kLanguages = {Language{".py", "python"}, Language{".js", "javascript"}};

Error wrong(const std::string& what) { return {what, std::make_error_code(std::errc::invalid_argument)}; }

std::optional<std::string> language_of(const fs::path& file) {
  for (const Language& language : kLanguages)
    if (file.extension() == language.extension) return std::string(language.name);
  return std::nullopt;
}

Result<std::string> read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file || fs::is_directory(path)) return errno_error("read \"" + path.string() + "\"", errno);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

Result<Submission::Case> read_case(const fs::path& input) {
  auto given = read_file(input);
  if (!given) return given.error();
  Submission::Case found{.name = input.stem().string(), .input = std::move(*given)};
  const fs::path output = fs::path(input).replace_extension(".out");
  if (!fs::exists(output)) return found;
  auto expected = read_file(output);
  if (!expected) return expected.error();
  found.expected = std::move(*expected);
  return found;
}

/// "2" before "10": names by the order of strverscmp.
bool before(const fs::path& a, const fs::path& b) { return ::strverscmp(a.c_str(), b.c_str()) < 0; }

/// Programs and inputs that a folder holds, or the file itself.
Result<std::vector<fs::path>> expand(const std::string& name) {
  std::error_code error;
  if (!fs::is_directory(name, error)) return std::vector<fs::path>{name};
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(name, error))
    if (entry.path().extension() == ".in" || language_of(entry.path())) found.push_back(entry.path());
  if (error) return Error("read \"" + name + "\"", error);
  std::sort(found.begin(), found.end(), before);
  return found;
}

std::string memory_text(double bytes) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.1f MiB", bytes / (1024 * 1024));
  return text.data();
}

}  // namespace

Result<Submission> read_submission(const std::vector<std::string>& files) {
  Submission submission;
  std::optional<fs::path> program;
  for (const std::string& name : files) {
    auto expanded = expand(name);
    if (!expanded) return expanded.error();
    for (const fs::path& path : *expanded) {
      if (path.extension() == ".in") {
        auto found = read_case(path);
        if (!found) return found.error();
        submission.cases.push_back(std::move(*found));
      } else if (!language_of(path)) {
        return wrong("\"" + path.string() + "\" is neither a program (.py, .js) nor a test's input (.in)");
      } else if (program) {
        return wrong("\"" + program->string() + "\" and \"" + path.string() + "\" are two programs");
      } else {
        program = path;
      }
    }
  }
  if (!program) return wrong("no program (.py, .js) among the files");
  submission.language = *language_of(*program);
  auto source = read_file(*program);
  if (!source) return source.error();
  submission.source = std::move(*source);
  if (submission.cases.empty()) submission.cases.emplace_back();
  return submission;
}

json submission_request(const Submission& submission) {
  json tests = json::array();
  for (const Submission::Case& each : submission.cases) {
    json test{{"stdin", each.input}};
    if (!each.name.empty()) test["name"] = each.name;
    if (each.expected) test["expectedStdout"] = *each.expected;
    tests.push_back(std::move(test));
  }
  return {{"language", submission.language}, {"source", submission.source}, {"tests", std::move(tests)}};
}

std::string verdict_table(const json& answer) {
  std::size_t width = 4;
  for (const json& result : answer.at("results"))
    width = std::max(width, result.value("name", std::string()).size());
  std::string table;
  std::array<char, 512> line{};
  const auto add = [&](const std::string& name, const std::string& verdict, const std::string& time,
                       const std::string& memory) {
    std::snprintf(line.data(), line.size(), "%-*.256s  %-18s  %11s  %10s\n", static_cast<int>(width),
                  name.c_str(), verdict.c_str(), time.c_str(), memory.c_str());
    table += line.data();
  };
  add("test", "verdict", "time", "memory");
  std::size_t number = 0;
  for (const json& result : answer.at("results")) {
    std::array<char, 32> time{};
    std::snprintf(time.data(), time.size(), "%.1f ms", result.at("durationMs").get<double>());
    add(result.value("name", std::to_string(++number)), result.at("verdict"), time.data(),
        memory_text(result.at("usage").at("memoryBytes").get<double>()));
  }
  const auto accepted = std::count_if(answer.at("results").begin(), answer.at("results").end(),
                                      [](const json& result) { return result.at("verdict") == "accepted"; });
  return table + std::to_string(accepted) + " of " + std::to_string(answer.at("results").size()) +
         " accepted\n";
}

std::string progress_bar(std::size_t done, std::size_t total, std::size_t width) {
  const std::size_t filled = total == 0 ? width : width * std::min(done, total) / total;
  return "[" + std::string(filled, '#') + std::string(width - filled, '-') + "] " + std::to_string(done) +
         "/" + std::to_string(total);
}

}  // namespace executor
