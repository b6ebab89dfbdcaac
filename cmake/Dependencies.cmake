# Every library from outside is a Debian package (scripts/packages), known here as an imported target.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(Boost 1.81 REQUIRED COMPONENTS url)
find_package(nlohmann_json REQUIRED)
find_package(spdlog REQUIRED)
find_package(CLI11 REQUIRED)
find_package(doctest REQUIRED)
# static: a zygote may need nothing that a rootfs lacks
find_library(CAP_STATIC_LIBRARY NAMES libcap.a REQUIRED)
find_library(SECCOMP_STATIC_LIBRARY NAMES libseccomp.a REQUIRED)
pkg_check_modules(nl_route REQUIRED IMPORTED_TARGET libnl-route-3.0)
pkg_check_modules(hiredis REQUIRED IMPORTED_TARGET hiredis)
pkg_check_modules(rabbitmq REQUIRED IMPORTED_TARGET librabbitmq)
pkg_check_modules(systemd REQUIRED IMPORTED_TARGET libsystemd)
find_package(prometheus-cpp REQUIRED COMPONENTS core)

# The interpreter that the Python zygote embeds: Debian's static libpython, so that the fork server stays small.
find_path(PYTHON_INCLUDE_DIR Python.h PATHS /usr/include/python3.11 NO_DEFAULT_PATH REQUIRED)
find_library(PYTHON_STATIC_LIBRARY NAMES libpython3.11-pic.a
  PATHS /usr/lib/python3.11/config-3.11-x86_64-linux-gnu NO_DEFAULT_PATH REQUIRED)

# Asio and Beast with their bodies in one translation unit, which saves a third of every other one's compile time.
add_library(executor_boost STATIC ${CMAKE_CURRENT_LIST_DIR}/boost_bodies.cpp)
add_library(executor::boost ALIAS executor_boost)
target_link_libraries(executor_boost PUBLIC executor_options Boost::headers OpenSSL::SSL OpenSSL::Crypto Threads::Threads)
target_compile_definitions(executor_boost PUBLIC BOOST_ASIO_SEPARATE_COMPILATION BOOST_BEAST_SEPARATE_COMPILATION)
if(EXECUTOR_SANITIZE MATCHES "thread")
  # the thread sanitizer knows no fences
  target_compile_definitions(executor_boost PUBLIC BOOST_ASIO_DISABLE_FENCED_BLOCK)
endif()
