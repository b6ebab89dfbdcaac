import sys

print(sys.version, sys.version_info, sys.hexversion, sys.api_version, sys.implementation, sep="\n")
print(sys.platform, sys.byteorder, sys.maxsize, sys.maxunicode, sys.abiflags, sys.copyright)
print(sys.float_info, sys.int_info, sys.hash_info, sys.thread_info, sep="\n")
