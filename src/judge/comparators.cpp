#include "judge/comparators.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <optional>

namespace executor {
namespace {

constexpr std::string_view kSpace = " \t\n\v\f\r";

std::string_view trim_end(std::string_view text) {
  const std::size_t last = text.find_last_not_of(kSpace);
  return last == std::string_view::npos ? std::string_view{} : text.substr(0, last + 1);
}

/// Takes the first line off `rest`, without its newline and the white space before that.
std::string_view next_line(std::string_view& rest) {
  const std::size_t end = std::min(rest.find('\n'), rest.size());
  const std::string_view line = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return trim_end(line);
}

/// Takes the first word off `rest`; empty when there is none.
std::string_view next_word(std::string_view& rest) {
  rest.remove_prefix(std::min(rest.find_first_not_of(kSpace), rest.size()));
  const std::size_t end = std::min(rest.find_first_of(kSpace), rest.size());
  const std::string_view word = rest.substr(0, end);
  rest.remove_prefix(end);
  return word;
}

template <class Equal>
bool equal_words(std::string_view actual, std::string_view expected, Equal equal) {
  while (true) {
    const std::string_view left = next_word(actual);
    const std::string_view right = next_word(expected);
    if (left.empty() || right.empty()) return left.empty() && right.empty();
    if (!equal(left, right)) return false;
  }
}

/// The number that the whole word is, if it is one that a double can hold.
std::optional<double> number(std::string_view word) {
  if (word.size() > 1 && word[0] == '+' && word[1] != '-')
    word.remove_prefix(1);  // from_chars takes no plus sign
  double value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc{} || end != word.data() + word.size()) return std::nullopt;
  return value;
}

bool close(double actual, double expected, double tolerance) {
  if (std::isnan(actual) || std::isnan(expected)) return false;
  if (std::isinf(actual) || std::isinf(expected)) return actual == expected;
  return std::fabs(actual - expected) <= std::max(tolerance, tolerance * std::fabs(expected));
}

/// The characters of a JSON text without the white space that says nothing: beside brackets, commas and
/// colons.
class JsonText {
 public:
  explicit JsonText(std::string_view text) : text_(trim_end(text)) {
    text_.remove_prefix(std::min(text_.find_first_not_of(kSpace), text_.size()));
  }

  /// Nothing at the end.
  std::optional<char> next() {
    if (text_.empty()) return std::nullopt;
    const bool space = !quoted_ && kSpace.find(text_.front()) != std::string_view::npos;
    if (space) text_.remove_prefix(text_.find_first_not_of(kSpace));  // none stands at the end
    if (space && !is_structural(last_) && !is_structural(text_.front())) return last_ = ' ';
    last_ = text_.front();
    text_.remove_prefix(1);
    if (last_ == '"' && !escaped_) quoted_ = !quoted_;
    escaped_ = quoted_ && last_ == '\\' && !escaped_;
    return last_;
  }

 private:
  static bool is_structural(char c) { return std::string_view("[]{},:").find(c) != std::string_view::npos; }

  std::string_view text_;
  char last_ = '[';
  bool quoted_ = false;
  bool escaped_ = false;
};

}  // namespace

bool equal_trimmed(std::string_view actual, std::string_view expected) {
  actual = trim_end(actual);
  expected = trim_end(expected);
  while (!actual.empty() && !expected.empty()) {
    if (next_line(actual) != next_line(expected)) return false;
  }
  return actual.empty() && expected.empty();
}

bool equal_tokens(std::string_view actual, std::string_view expected) {
  return equal_words(actual, expected,
                     [](std::string_view left, std::string_view right) { return left == right; });
}

bool equal_json(std::string_view actual, std::string_view expected) {
  if (equal_trimmed(actual, expected)) return true;
  const std::size_t begin = expected.find_first_not_of(kSpace);
  if (begin == std::string_view::npos || (expected[begin] != '[' && expected[begin] != '{')) return false;
  JsonText left(actual);
  JsonText right(expected);
  while (true) {
    const auto c = left.next();
    if (c != right.next()) return false;
    if (!c) return true;
  }
}

bool equal_numbers(std::string_view actual, std::string_view expected, double tolerance) {
  return equal_words(actual, expected, [tolerance](std::string_view left, std::string_view right) {
    const auto left_number = number(left);
    const auto right_number = number(right);
    if (left_number && right_number) return close(*left_number, *right_number, tolerance);
    return left == right;
  });
}

}  // namespace executor
