def solve(n, columns=(), found=None):
    found = [] if found is None else found
    row = len(columns)
    if row == n:
        found.append(columns)
    for c in range(n):
        if all(c != k and abs(c - k) != row - r for r, k in enumerate(columns)):
            solve(n, columns + (c,), found)
    return found


print(len(solve(7)), solve(6))
