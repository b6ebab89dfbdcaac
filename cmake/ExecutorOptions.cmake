# executor_options: what every translation unit of the project is compiled with.
add_library(executor_options INTERFACE)
target_compile_features(executor_options INTERFACE cxx_std_20)
target_include_directories(executor_options INTERFACE ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/src)
target_compile_options(executor_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion $<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor> $<$<COMPILE_LANGUAGE:CXX>:-Woverloaded-virtual>
  -Wimplicit-fallthrough -Wformat=2 -Werror -Wno-missing-field-initializers
  -fstack-protector-strong -fno-plt
  -g1)  # line numbers for traces; a third of the objects' size
target_compile_definitions(executor_options INTERFACE BOOST_ALL_NO_LIB)
target_link_options(executor_options INTERFACE -Wl,-z,relro,-z,now -Wl,-z,noexecstack)

if(EXECUTOR_SANITIZE)
  target_compile_options(executor_options INTERFACE -fsanitize=${EXECUTOR_SANITIZE} -fno-omit-frame-pointer
    -fno-sanitize-recover=all)
  target_link_options(executor_options INTERFACE -fsanitize=${EXECUTOR_SANITIZE})
else()
  target_compile_definitions(executor_options INTERFACE $<$<NOT:$<CONFIG:Debug>>:_FORTIFY_SOURCE=2>)
endif()

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
endif()
if(EXECUTOR_TIDY)
  find_program(CLANG_TIDY_PROGRAM NAMES clang-tidy REQUIRED)
endif()
include(CheckPIESupported)
check_pie_supported()
