// Strict reading of small JSON documents of ours: every key is asked for once, with its type, and finish()
// refuses the rest. Throws executor::Exception with the key's name; read_json() makes that a Result. Values;
// one thread.
#pragma once

#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>

#include "executor/error.hpp"

namespace executor::rootfs {

class JsonReader {
 public:
  /// `what` names the object in errors; `value` must outlive the reader.
  JsonReader(const nlohmann::json& value, std::string what) : value_(value), what_(std::move(what)) {
    if (!value_.is_object()) throw Exception(Error{what_ + " is no object", {}});
  }

  std::string string(const std::string& key) {
    const nlohmann::json& value = at(key);
    if (!value.is_string()) fail(key, "a string");
    return value.get<std::string>();
  }
  std::uint64_t unsigned_integer(const std::string& key) {
    const nlohmann::json& value = at(key);
    if (!value.is_number_unsigned()) fail(key, "a whole number");
    return value.get<std::uint64_t>();
  }
  const nlohmann::json& array(const std::string& key) {
    const nlohmann::json& value = at(key);
    if (!value.is_array()) fail(key, "an array");
    return value;
  }
  const nlohmann::json& object(const std::string& key) {
    const nlohmann::json& value = at(key);
    if (!value.is_object()) fail(key, "an object");
    return value;
  }

  /// Refuses keys that nobody asked for.
  void finish() const {
    for (const auto& [key, value] : value_.items()) {
      if (!seen_.contains(key)) throw Exception(Error{"\"" + key + "\" is no key of " + what_, {}});
    }
  }

 private:
  const nlohmann::json& at(const std::string& key) {
    seen_.insert(key);
    const auto found = value_.find(key);
    if (found == value_.end()) throw Exception(Error{what_ + " has no \"" + key + "\"", {}});
    return *found;
  }
  [[noreturn]] void fail(const std::string& key, const char* type) const {
    throw Exception(Error{"\"" + key + "\" of " + what_ + " is not " + type, {}});
  }

  const nlohmann::json& value_;
  std::string what_;
  std::set<std::string> seen_;
};

/// Parses the text and has `convert` make a T of it.
template <class T, class Convert>
Result<T> read_json(std::string_view text, Convert convert) {
  try {
    return convert(nlohmann::json::parse(text));
  } catch (const nlohmann::json::exception& error) {
    return Error{error.what(), {}};
  } catch (const Exception& error) {
    return Error{error.what(), {}};
  }
}

inline Result<std::string> read_text_file(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  if (!stream.is_open() || stream.bad()) return errno_error("read \"" + file.string() + "\"", errno);
  return text;
}

}  // namespace executor::rootfs
