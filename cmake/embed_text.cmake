# Input: HEADER (its include path), TEXTS (FUNCTION=FILE…), SOURCE (what is written).
set(text "#include \"${HEADER}\"\n\nnamespace executor {\n")
foreach(entry IN LISTS TEXTS)
  string(REGEX MATCH "^([^=]*)=(.*)$" matched ${entry})
  set(function ${CMAKE_MATCH_1})
  file(READ ${CMAKE_MATCH_2} digits HEX)
  string(REGEX REPLACE "(..)" "0x\\1," bytes "${digits}")
  string(REGEX REPLACE "(0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,)" "\\1\n" bytes "${bytes}")
  string(APPEND text "std::string_view ${function}() {\n  static constexpr unsigned char kText[] = {\n${bytes}\n};\n"
    "  return {reinterpret_cast<const char*>(kText), sizeof kText};\n}\n")
endforeach()
file(WRITE ${SOURCE} "${text}\n}  // namespace executor\n")
