# executor_embed_text(HEADER FUNCTION=FILE…): writes a source file that defines each FUNCTION of the header as the text
# of its FILE; the variable named in OUTPUT gets its path.
function(executor_embed_text)
  cmake_parse_arguments(arg "" "OUTPUT;HEADER" "TEXTS" ${ARGN})
  string(MAKE_C_IDENTIFIER ${arg_HEADER} name)
  set(source ${CMAKE_CURRENT_BINARY_DIR}/${name}.cpp)
  set(files "")
  foreach(text IN LISTS arg_TEXTS)
    string(REGEX REPLACE "^[^=]*=" "" file ${text})
    list(APPEND files ${file})
  endforeach()
  add_custom_command(OUTPUT ${source}
    COMMAND ${CMAKE_COMMAND} -DHEADER=${arg_HEADER} "-DTEXTS=${arg_TEXTS}" -DSOURCE=${source}
      -P ${PROJECT_SOURCE_DIR}/cmake/embed_text.cmake
    WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR}
    DEPENDS ${files} ${PROJECT_SOURCE_DIR}/cmake/embed_text.cmake VERBATIM)
  set(${arg_OUTPUT} ${source} PARENT_SCOPE)
endfunction()
