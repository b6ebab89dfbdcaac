#include "app/doctor/report.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace executor::doctor {

namespace {

using nlohmann::ordered_json;

constexpr std::size_t kStateWidth = 11;  // "(degraded)" and a space

std::string padded(std::string text, std::size_t width) {
  text.resize(std::max(width, text.size()), ' ');
  return text;
}

/// In brackets what the configured service can do without.
std::string state_text(const Check& check) {
  const std::string state(to_string(check.state));
  return check.needed || check.state == State::ok ? state : "(" + state + ")";
}

/// Missing by itself, and needed: what somebody has to do something about.
bool is_cause(const Check& check) {
  return check.needed && check.state == State::missing && check.cause.empty();
}

const char* colour_of(const Check& check) {
  if (check.state == State::ok) return "\033[32m";
  return check.state == State::missing && check.needed ? "\033[31m" : "\033[33m";
}

/// Outside texts (paths, a server's words) may hold anything; a terminal gets printable ASCII.
std::string printable(const std::string& text) {
  std::string clean = text;
  std::ranges::replace_if(
      clean, [](char c) { return c < ' ' || c > '~'; }, '?');
  return clean;
}

std::string row(const Check& check, std::size_t name_width, bool colour) {
  std::string state = padded(state_text(check), kStateWidth);
  if (colour) state = colour_of(check) + state + "\033[0m";
  std::string text = "  " + state + padded(check.name, name_width) + printable(check.meaning) + "\n";
  if (!check.remedy.empty() && check.cause.empty())
    text += std::string(2 + kStateWidth + name_width, ' ') + "-> " + printable(check.remedy) + "\n";
  return text;
}

std::string missing_names(const Diagnosis& diagnosis) {
  std::string names;
  for (const Check& check : diagnosis.checks)
    if (is_cause(check)) names += (names.empty() ? "" : ", ") + check.name;
  return names;
}

std::string summary(const Diagnosis& diagnosis) {
  const std::string cgroup =
      diagnosis.cgroup_version == 0 ? "none" : "v" + std::to_string(diagnosis.cgroup_version);
  std::string text =
      "\nbackend: " + diagnosis.backend + "   ids: " + diagnosis.id_mode + "   cgroup: " + cgroup + "\n";
  const bool spare = std::ranges::any_of(
      diagnosis.checks, [](const Check& check) { return !check.needed && check.state != State::ok; });
  if (spare) text += "In brackets: not needed as configured.\n";
  if (diagnosis.whole()) return text + "Nothing is missing that the service needs as configured.\n";
  return text + "Missing: " + missing_names(diagnosis) + "\n";
}

}  // namespace

std::string to_table(const Diagnosis& diagnosis, bool colour) {
  std::size_t width = 0;
  for (const Check& check : diagnosis.checks) width = std::max(width, check.name.size() + 2);
  std::string text;
  std::string layer;
  for (const Check& check : diagnosis.checks) {
    if (check.layer != layer) text += (layer.empty() ? "" : "\n") + check.layer + "\n";
    layer = check.layer;
    text += row(check, width, colour);
  }
  return text + summary(diagnosis);
}

std::string to_json(const Diagnosis& diagnosis) {
  ordered_json checks = ordered_json::array();
  ordered_json missing = ordered_json::array();
  for (const Check& check : diagnosis.checks) {
    checks.push_back({{"layer", check.layer},
                      {"name", check.name},
                      {"state", to_string(check.state)},
                      {"needed", check.needed},
                      {"meaning", check.meaning},
                      {"remedy", check.remedy.empty() ? ordered_json() : ordered_json(check.remedy)}});
    if (is_cause(check)) missing.push_back(check.name);
  }
  const ordered_json report{
      {"ok", diagnosis.whole()},
      {"backend", diagnosis.backend},
      {"idMode", diagnosis.id_mode},
      {"cgroupVersion",
       diagnosis.cgroup_version == 0 ? ordered_json() : ordered_json(diagnosis.cgroup_version)},
      {"missing", missing},
      {"checks", checks}};
  return report.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace executor::doctor
