"""Programs as students write them: none may be refused by the default policy (modules math, random, statistics)."""

PROGRAMS = {
    "double": "n = int(input())\nprint(n * 2)\n",
    "average": "import statistics\nnumbers = [float(x) for x in input().split()]\nprint(round(statistics.mean(numbers), 2))\n",
    "primes": """
def sieve(limit):
    marks = [True] * (limit + 1)
    marks[0:2] = [False, False]
    for i in range(2, int(limit ** 0.5) + 1):
        if marks[i]:
            marks[i * i::i] = [False] * len(marks[i * i::i])
    return [i for i, mark in enumerate(marks) if mark]

print(*sieve(int(input())))
""",
    "fizzbuzz": "for i in range(1, 101):\n    print('Fizz' * (i % 3 == 0) + 'Buzz' * (i % 5 == 0) or i)\n",
    "guessing game": """
import random
secret = random.randint(1, 100)
tries = 0
while True:
    guess = int(input("Your guess? "))
    tries += 1
    if guess < secret:
        print("too low")
    elif guess > secret:
        print("too high")
    else:
        print(f"Right after {tries} tries!")
        break
""",
    "random overwritten": "import random\nrandom = random.choice([1, 2, 3])\nprint(random + 1)\n",
    "word count": """
counts = {}
while True:
    try:
        line = input()
    except EOFError:
        break
    for word in line.lower().split():
        counts[word] = counts.get(word, 0) + 1
for word, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
    print("{:<10}{:>4}".format(word, count))
""",
    "a star": """
def search(grid, start, goal):
    open = [(0, start)]
    closed = set()
    while open:
        open.sort()
        cost, cell = open.pop(0)
        if cell == goal:
            return cost
        if cell in closed:
            continue
        closed.add(cell)
        r, c = cell
        for dr, dc in ((0, 1), (1, 0), (0, -1), (-1, 0)):
            nr, nc = r + dr, c + dc
            if 0 <= nr < len(grid) and 0 <= nc < len(grid[0]) and grid[nr][nc] != '#':
                open.append((cost + 1, (nr, nc)))
    return -1

print(search([".#.", "...", "#.."], (0, 0), (2, 2)))
""",
    "open and closed lists": "open = [3, 1, 2]\nclosed = []\nwhile open:\n    closed.append(min(open))\n    open.remove(min(open))\nprint(closed)\n",
    "vector": '''
import math

class Vector:
    """A point in the plane."""
    __slots__ = ("x", "y")

    def __init__(self, x=0.0, y=0.0):
        self.x, self.y = x, y

    def __add__(self, other):
        return Vector(self.x + other.x, self.y + other.y)

    def __mul__(self, factor):
        return self.__class__(self.x * factor, self.y * factor)

    __rmul__ = __mul__

    def __abs__(self):
        return math.hypot(self.x, self.y)

    def __eq__(self, other):
        return isinstance(other, self.__class__) and (self.x, self.y) == (other.x, other.y)

    def __hash__(self):
        return hash((self.x, self.y))

    def __repr__(self):
        return f"{self.__class__.__name__}({self.x!r}, {self.y!r})"

print(abs(2 * Vector(3, 4)), Vector.__doc__)
''',
    "bank account": """
class InsufficientFunds(Exception):
    def __init__(self, missing):
        super().__init__(f"missing {missing}")
        self.missing = missing

class Account:
    rate = 0.02

    def __init__(self, owner, balance=0):
        self.owner = owner
        self.__balance = balance

    @property
    def balance(self):
        return self.__balance

    @balance.setter
    def balance(self, value):
        if value < 0:
            raise InsufficientFunds(-value)
        self.__balance = value

    @classmethod
    def empty(cls, owner):
        return cls(owner)

    @staticmethod
    def interest(amount):
        return amount * Account.rate

a = Account.empty("Ann")
a.balance += 100
try:
    a.balance -= 150
except InsufficientFunds as error:
    print(error, error.missing)
else:
    print("fine")
finally:
    print(a.balance)
""",
    "recursion": "def hanoi(n, a, b, c):\n    if n:\n        hanoi(n - 1, a, c, b)\n        print(a, '->', c)\n        hanoi(n - 1, b, a, c)\n\nhanoi(3, 'A', 'B', 'C')\n",
    "memo": """
def memoize(function):
    cache = {}
    def wrapper(*args):
        if args not in cache:
            cache[args] = function(*args)
        return cache[args]
    wrapper.__name__ = function.__name__
    wrapper.__doc__ = function.__doc__
    return wrapper

@memoize
def fib(n):
    "Fibonacci numbers."
    return n if n < 2 else fib(n - 1) + fib(n - 2)

print(fib(90), fib.__name__)
""",
    "generators": "def squares():\n    n = 0\n    while True:\n        step = yield n * n\n        n += step or 1\n\ng = squares()\nprint(next(g), next(g), g.send(3))\nprint(sum(x for x in range(10) if x % 2), list(zip('ab', (1, 2))))\n",
    "matrix": "n = int(input())\na = [list(map(int, input().split())) for _ in range(n)]\nt = [[row[i] for row in a] for i in range(n)]\nfor row in t:\n    print(*row, sep=' ')\nprint(sum(a[i][i] for i in range(n)))\n",
    "binary search": "def find(values, x):\n    lo, hi = 0, len(values)\n    while lo < hi:\n        mid = (lo + hi) // 2\n        if values[mid] < x: lo = mid + 1\n        else: hi = mid\n    return lo\nprint(find([1, 3, 5, 7], 5))\n",
    "caesar": "text, shift = input(), int(input())\nout = ''\nfor c in text:\n    if c.isalpha():\n        base = ord('A') if c.isupper() else ord('a')\n        out += chr((ord(c) - base + shift) % 26 + base)\n    else:\n        out += c\nprint(out)\n",
    "linked list": """
class Node:
    def __init__(self, value, next=None):
        self.value, self.next = value, next

class LinkedList:
    def __init__(self, values=()):
        self.head = None
        for value in reversed(list(values)):
            self.head = Node(value, self.head)

    def __iter__(self):
        node = self.head
        while node is not None:
            yield node.value
            node = node.next

    def __len__(self):
        return sum(1 for _ in self)

    def __contains__(self, value):
        return any(v == value for v in self)

    def __getitem__(self, index):
        for i, v in enumerate(self):
            if i == index:
                return v
        raise IndexError(index)

    def __str__(self):
        return " -> ".join(map(str, self))

l = LinkedList([1, 2, 3])
print(l, len(l), 2 in l, l[1], l.__len__())
""",
    "context manager": "class Timer:\n    def __enter__(self):\n        print('in')\n        return self\n    def __exit__(self, kind, value, trace):\n        print('out', kind.__name__ if kind else None)\n        return True\n\nwith Timer() as t:\n    1 / 0\n",
    "inheritance": "class Animal:\n    def __init__(self, name): self.name = name\n    def speak(self): raise NotImplementedError\n    def __str__(self): return f'{type(self).__name__} {self.name}: {self.speak()}'\n\nclass Dog(Animal):\n    def __init__(self, name):\n        Animal.__init__(self, name)\n    def speak(self): return 'woof'\n\nfor a in [Dog('Rex')]:\n    print(a, isinstance(a, Animal), issubclass(Dog, Animal), hasattr(a, 'speak'), getattr(a, 'age', 3))\n",
    "match": "def shape(s):\n    match s.split():\n        case ['circle', r]: return 3.14 * float(r) ** 2\n        case ['rect', w, h] if float(w) > 0: return float(w) * float(h)\n        case [first, *rest]: return first, rest\n        case _: return None\nclass P:\n    __match_args__ = ('x', 'y')\n    def __init__(self, x, y): self.x, self.y = x, y\nmatch P(1, 2):\n    case P(1, y=b): print(b)\nprint(shape('circle 2'))\n",
    "main guard": '"""Adds numbers."""\n\ndef main():\n    total = 0\n    for token in input().split():\n        total += int(token)\n    print(total)\n\n\nif __name__ == "__main__":\n    main()\n',
    "dictionary of functions": "import math\noperations = {'+': lambda a, b: a + b, '-': lambda a, b: a - b, '/': lambda a, b: a / b if b else math.inf, '^': pow}\na, op, b = input().split()\nprint(operations[op](int(a), int(b)))\n",
    "sets and slices": "a, b = set(input()), set(input())\nprint(sorted(a & b), sorted(a ^ b), len(a | b))\ns = 'racecar'\nprint(s == s[::-1], s[1:3], frozenset(s) <= set('abcer'))\n",
    "walrus": "import math\nwhile (line := input()) != 'end':\n    if (n := int(line)) > 0:\n        print(f'{math.sqrt(n):.3f}', math.floor(n / 3), math.pi)\n",
    "exit early": "name = input()\nif not name:\n    print('no name')\n    exit()\nprint('hello ' + name)\nquit(0)\n",
    "sorting": "def bubble(v):\n    for i in range(len(v)):\n        for j in range(len(v) - 1 - i):\n            if v[j] > v[j + 1]:\n                v[j], v[j + 1] = v[j + 1], v[j]\n    return v\n\ndef quick(v):\n    return v if len(v) < 2 else quick([x for x in v[1:] if x < v[0]]) + [v[0]] + quick([x for x in v[1:] if x >= v[0]])\n\nprint(bubble([3, 1, 2]), quick([3, 1, 2]), sorted('bca', reverse=True), max([1, 2], default=0))\n",
    "shuffle": "from random import seed, shuffle, randrange as rr\nimport random as rnd\nseed(7)\ndeck = list(range(52))\nshuffle(deck)\nprint(deck[:5], rr(10), rnd.sample(deck, 3), rnd.uniform(0, 1), rnd.Random(3).random())\n",
    "statistics": "from statistics import mean, median, stdev\nimport statistics as st\nv = [1, 2, 2, 3]\nprint(mean(v), median(v), stdev(v), st.mode(v), st.NormalDist(0, 1).cdf(0))\n",
    "type hints": "from __future__ import annotations\n\ndef total(values: list[int], start: int = 0) -> int:\n    result: int = start\n    for value in values:\n        result += value\n    return result\n\nx: dict[str, list[int]] = {'a': [1]}\nprint(total(x['a']))\n",
    "globals by keyword": "counter = 0\n\ndef tick():\n    global counter\n    counter += 1\n\ndef make():\n    n = 0\n    def inner():\n        nonlocal n\n        n += 1\n        return n\n    return inner\n\ntick(); f = make(); f()\nprint(counter, f(), callable(f), id(f) == id(f), type(f) is type(make))\n",
    "format": "x = 3.14159\nprint('%.2f and %s' % (x, 'text'), '{0:>8} {1!r} {k[a]}'.format(1, 'b', k={'a': 1}), f'{x:{8}.{3}} {{literal}}', '{p.real}'.format(p=2))\nprint(r'\\d', b'bytes'[0], '\\u00e9', 'a' 'b', \"{'json': [1, 2]}\")\n",
    "async": "async def work(n):\n    return n * 2\n\nasync def main():\n    total = 0\n    for i in range(3):\n        total += await work(i)\n    return total\n\ntry:\n    main().send(None)\nexcept StopIteration as stop:\n    print(stop.value)\n",
    "bytes and bits": "n = int(input(), 2)\nprint(bin(n), hex(n), oct(n), n.bit_length(), n << 2, ~n, n & 0xff, n ^ 1)\ndata = bytearray(b'abc')\ndata[0] ^= 0x20\nprint(bytes(data).decode(), memoryview(data)[1], int.from_bytes(b'\\x01\\x02', 'big'))\n",
    "assertions": "def check(x):\n    assert isinstance(x, int), f'not an int: {x}'\n    return divmod(x, 7)\n\ntry:\n    check('a')\nexcept (AssertionError, TypeError) as error:\n    print(type(error).__name__, error.args)\nprint(all([1, 2]), any([]), abs(-3), complex(1, 2).real, ...)\ndel check\n",
}
