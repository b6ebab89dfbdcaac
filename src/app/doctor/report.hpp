// A diagnosis for people and for programs. Pure.
#pragma once

#include <string>

#include "app/doctor/diagnosis.hpp"

namespace executor::doctor {

/// An aligned table in plain ASCII, layer by layer, with a summary; `colour` adds terminal escapes to states.
std::string to_table(const Diagnosis& diagnosis, bool colour);

/// One JSON object:
///   {"ok", "backend", "idMode", "cgroupVersion" (number or null), "missing": [names of what is needed and
///   not
///    there, without what only follows from another],
///    "checks": [{"layer", "name", "state", "needed", "meaning", "remedy" (string or null)}]}
std::string to_json(const Diagnosis& diagnosis);

}  // namespace executor::doctor
