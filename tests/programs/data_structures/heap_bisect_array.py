import array
import bisect
import heapq

heap = [5, 1, 8, 3]
heapq.heapify(heap)
heapq.heappush(heap, 0)
print(heap, heapq.heappop(heap), heapq.nsmallest(2, heap), heapq.nlargest(2, heap), list(heapq.merge([1, 4], [2, 3])), heapq.heapreplace(heap, 9))
print(bisect.bisect([1, 2, 2, 3], 2), bisect.bisect_left([1, 2, 2, 3], 2), bisect.bisect_right("abc", "B", key=str.upper))
numbers = array.array("i", [1, 2, 3])
numbers.append(-4)
print(numbers, numbers.tobytes(), numbers.itemsize, numbers.typecode, array.array("d", [0.5]))
numbers.append(2**40)
