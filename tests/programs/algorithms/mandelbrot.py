for y in range(-12, 13, 2):
    line = ""
    for x in range(-40, 20, 2):
        c, z = complex(x / 20, y / 10), 0
        n = 0
        while abs(z) < 2 and n < 30:
            z, n = z * z + c, n + 1
        line += " .:-=+*#%@"[n // 3 if n < 30 else 9]
    print(line.rstrip())
