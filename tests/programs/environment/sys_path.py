import sys

print(sys.path, sys.path_hooks, sys.meta_path)
print(sorted(sys.path_importer_cache))
