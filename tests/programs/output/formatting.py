# Numbers and text through format().
print(f"{3.14159:.2f} {42:08b} {255:#x} {1e10:g} {-7:+d} {1234567:,} {0.25:%} {'mid':^9}|{'r':>4}|{'l':<4}|")
print("%5.1f|%-5s|%05d|%x|%r|%%" % (2.25, "ab", 42, 255, "q"))
print("{0[a]} {1.real} {2!r:>6}".format({"a": 1}, 2, "z"))
