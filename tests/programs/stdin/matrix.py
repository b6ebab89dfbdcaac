rows, columns = map(int, input().split())
matrix = [list(map(int, input().split())) for _ in range(rows)]
print(*(" ".join(map(str, column)) for column in zip(*matrix)), sep="\n")
