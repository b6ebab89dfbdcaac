import collections
import sys

words = sys.stdin.read().lower().split()
for word, count in sorted(collections.Counter(words).items(), key=lambda item: (-item[1], item[0]))[:5]:
    print(f"{word:>10} {count}")
