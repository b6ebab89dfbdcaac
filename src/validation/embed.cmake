# Joins the policy's Python files into one program, and that into a C++ constant.
# Input: PARTS (in order of use), SCRIPT and SOURCE (what is written).
set(script "")
foreach(part IN LISTS PARTS)
  file(READ ${part} text)
  get_filename_component(name ${part} NAME)
  string(REGEX REPLACE "from (lists|names|check) import [^\n]*\n" "" text "${text}")
  string(APPEND script "# ---- ${name}\n${text}\n")
endforeach()
file(WRITE ${SCRIPT} "${script}")
file(READ ${SCRIPT} digits HEX)
string(REGEX REPLACE "(..)" "0x\\1," bytes "${digits}")
string(REGEX REPLACE "(0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,)" "\\1\n" bytes "${bytes}")
file(WRITE ${SOURCE} "#include \"validation/policy_script.hpp\"

namespace executor {
namespace {
constexpr unsigned char kScript[] = {
${bytes}
};
}  // namespace

std::string_view policy_script() { return {reinterpret_cast<const char*>(kScript), sizeof kScript}; }

}  // namespace executor
")
