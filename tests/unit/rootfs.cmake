executor_unit_test(rootfs
  SOURCES rootfs_archive_test.cpp rootfs_manifest_test.cpp rootfs_package_list_test.cpp rootfs_paths_test.cpp
          rootfs_program_test.cpp rootfs_runtime_test.cpp rootfs_tree_test.cpp)
