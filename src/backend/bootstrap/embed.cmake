# Makes a C++ constant of the program that runs inside containers. Input: SCRIPT, SOURCE (what is written).
file(READ ${SCRIPT} digits HEX)
string(REGEX REPLACE "(..)" "0x\\1," bytes "${digits}")
string(REGEX REPLACE "(0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,)" "\\1\n" bytes "${bytes}")
file(WRITE ${SOURCE} "#include \"backend/docker_messages.hpp\"

namespace executor::docker {
namespace {
constexpr unsigned char kScript[] = {
${bytes}
};
}  // namespace

std::string_view bootstrap_script() { return {reinterpret_cast<const char*>(kScript), sizeof kScript}; }

}  // namespace executor::docker
")
