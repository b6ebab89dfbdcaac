import heapq
import sys

edges = {}
for line in sys.stdin:
    a, b, cost = line.split()
    edges.setdefault(a, []).append((b, int(cost)))
    edges.setdefault(b, []).append((a, int(cost)))
distance, queue = {}, [(0, "A")]
while queue:
    so_far, node = heapq.heappop(queue)
    if node not in distance:
        distance[node] = so_far
        for other, cost in edges[node]:
            heapq.heappush(queue, (so_far + cost, other))
print(distance)
