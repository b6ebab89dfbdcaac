# What is installed where, and the two packages made of it once the target package_files is built:
# `cpack --config build/release/CPackConfig.cmake -B build/packages` makes the Debian package, `-G TGZ` with it the tarball.
#
# The programs find their data by where they stand: ../lib/executor and ../share/executor beside bin (src/rootfs/paths.cpp).
set(CMAKE_SKIP_INSTALL_ALL_DEPENDENCY ON)  # packing builds no tests
set(source ${PROJECT_SOURCE_DIR})

install(TARGETS executor RUNTIME DESTINATION bin)
install(TARGETS executor-bootstrap executor-local executor-supervisor executor-zygote-exec executor-zygote-python RUNTIME DESTINATION lib/executor)
install(DIRECTORY ${source}/seccomp-profiles ${source}/rootfs DESTINATION share/executor)
install(FILES ${source}/systemd/executor.service ${source}/systemd/executor-worker.service ${source}/systemd/executor.socket
  ${source}/systemd/executor-rootfs.service ${source}/systemd/executor.slice DESTINATION lib/systemd/system)
install(FILES ${source}/systemd/executor.sysusers DESTINATION lib/sysusers.d RENAME executor.conf)
install(FILES ${source}/systemd/executor.tmpfiles DESTINATION lib/tmpfiles.d RENAME executor.conf)
install(FILES ${source}/systemd/id-map.conf DESTINATION share/executor/systemd)
install(FILES ${source}/deploy/apparmor/executor DESTINATION share/executor/apparmor)
install(FILES ${source}/deploy/completion/executor.bash DESTINATION share/bash-completion/completions RENAME executor)
install(DIRECTORY ${source}/docs/ DESTINATION share/doc/executor FILES_MATCHING PATTERN "*.md" PATTERN man EXCLUDE)
install(DIRECTORY ${source}/deploy/grafana ${source}/deploy/prometheus DESTINATION share/doc/executor)
install(FILES ${source}/README.md ${source}/SECURITY.md DESTINATION share/doc/executor)
install(FILES ${source}/systemd/executor.env DESTINATION /etc/executor PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ)

find_program(GZIP_PROGRAM gzip REQUIRED)
foreach(page executor.1 executor.service.8)
  string(REGEX MATCH "[0-9]$" section ${page})
  add_custom_command(OUTPUT ${PROJECT_BINARY_DIR}/man/${page}.gz DEPENDS ${source}/docs/man/${page}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${PROJECT_BINARY_DIR}/man
    COMMAND ${GZIP_PROGRAM} -9nc ${source}/docs/man/${page} > ${PROJECT_BINARY_DIR}/man/${page}.gz)
  list(APPEND pages ${PROJECT_BINARY_DIR}/man/${page}.gz)
  install(FILES ${PROJECT_BINARY_DIR}/man/${page}.gz DESTINATION share/man/man${section})
endforeach()
add_custom_target(package_files ALL DEPENDS ${pages} executor executor-bootstrap executor-local executor-supervisor executor-zygote-exec executor-zygote-python)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME executor)
set(CPACK_PACKAGE_VENDOR Executor)
set(CPACK_PACKAGE_CONTACT "Executor <root@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "code-execution service: strangers' Python in fresh Linux sandboxes")
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_FILE_NAME executor_${PROJECT_VERSION}_amd64)
set(CPACK_SET_DESTDIR ON)
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_CMAKE_PROJECTS "${PROJECT_BINARY_DIR};executor;ALL;/")
set(CPACK_CMAKE_GENERATOR Ninja)

set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS "systemd, init-system-helpers, apt, dpkg")
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "redis-server")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${source}/deploy/debian/postinst ${source}/deploy/debian/prerm
  ${source}/deploy/debian/postrm ${source}/deploy/debian/conffiles)
set(CPACK_DEBIAN_COMPRESSION_TYPE zstd)
include(CPack)
