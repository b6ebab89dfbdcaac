exec("import sys\nsys.exit(11)")
