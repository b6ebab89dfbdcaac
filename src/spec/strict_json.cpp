#include "spec/strict_json.hpp"

#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

namespace executor {
namespace {

using nlohmann::json;

/// Builds the document from the library's events, which come without recursion, and keeps the path to where
/// it stands.
class Builder {
 public:
  Builder(json& root, std::size_t max_depth) : root_(root), max_depth_(max_depth) {}

  std::optional<RequestError> error;

  // -- the library's SAX interface; false ends the parse
  bool null() { return add(nullptr) != nullptr; }
  bool boolean(bool value) { return add(value) != nullptr; }
  bool number_integer(json::number_integer_t value) { return add(value) != nullptr; }
  bool number_unsigned(json::number_unsigned_t value) { return add(value) != nullptr; }
  bool number_float(json::number_float_t value, const std::string&) { return add(value) != nullptr; }
  bool string(std::string& value) { return add(std::move(value)) != nullptr; }
  bool binary(json::binary_t&) { return false; }  // no such thing in text
  bool start_object(std::size_t) { return open(json::object()); }
  bool start_array(std::size_t) { return open(json::array()); }
  bool end_object() { return close(); }
  bool end_array() { return close(); }
  bool key(std::string& name);
  bool parse_error(std::size_t position, const std::string&, const json::exception& cause);

 private:
  struct Level {
    json* container;
    json* slot = nullptr;  // in an object: where the value of `key` goes
    std::string key{};
  };

  json* add(json value);
  bool open(json value);
  bool close();
  bool fail(std::string code, std::string message) {
    error = RequestError{400, std::move(code), std::move(message), path()};
    return false;
  }
  [[nodiscard]] std::string path() const;

  json& root_;
  std::size_t max_depth_;
  std::vector<Level> levels_;
};

json* Builder::add(json value) {
  if (levels_.empty()) {
    root_ = std::move(value);
    return &root_;
  }
  Level& level = levels_.back();
  if (level.container->is_array()) {
    level.container->push_back(std::move(value));
    return &level.container->back();
  }
  json* slot = std::exchange(level.slot, nullptr);
  *slot = std::move(value);
  return slot;
}

bool Builder::open(json value) {
  if (levels_.size() == max_depth_) {
    return fail("too_deep", "nested deeper than " + std::to_string(max_depth_) + " levels");
  }
  levels_.push_back({add(std::move(value))});
  return true;
}

bool Builder::close() {
  levels_.pop_back();
  return true;
}

bool Builder::key(std::string& name) {
  Level& level = levels_.back();
  auto [place, fresh] = level.container->get_ref<json::object_t&>().try_emplace(name, nullptr);
  level.slot = &place->second;
  level.key = name;
  return fresh || fail("duplicate_key", "the key stands twice in one object");
}

bool Builder::parse_error(std::size_t position, const std::string&, const json::exception& cause) {
  const std::string_view what = cause.what();
  const auto says = [what](std::string_view part) { return what.find(part) != std::string_view::npos; };
  std::string reason = "not valid JSON";
  if (says("UTF-8")) reason = "not valid UTF-8";
  if (says("surrogate")) reason = "a surrogate without its other half";
  if (says("number overflow")) reason = "a number that is too large";
  return fail("bad_json", reason + ", at byte " + std::to_string(position));
}

std::string Builder::path() const {
  std::string text;
  for (const Level& level : levels_) {
    if (level.container->is_array()) {
      const bool inside =
          &level != &levels_.back();  // an open element is the last one, else the next is meant
      text += "[" + std::to_string(level.container->size() - (inside ? 1 : 0)) + "]";
    } else if (level.slot != nullptr || &level != &levels_.back()) {
      if (!text.empty()) text += '.';
      text += level.key.substr(0, 64);
    }
  }
  return text;
}

}  // namespace

std::optional<RequestError> parse_strict_json(std::string_view text, std::size_t max_depth, json& out) {
  if (text.starts_with("\xef\xbb\xbf")) {
    return RequestError{400, "bad_json", "not valid JSON: starts with a byte order mark", ""};
  }
  Builder builder(out, max_depth);
  // the library takes a NUL for the end of the text, whatever stands behind it
  if (json::sax_parse(text.begin(), text.end(), &builder) && text.find('\0') == std::string_view::npos)
    return std::nullopt;
  if (!builder.error) builder.error = RequestError{400, "bad_json", "not valid JSON", ""};
  return std::move(builder.error);
}

}  // namespace executor
