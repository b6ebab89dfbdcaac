import random

random.seed(42)
print(random.random(), random.randint(1, 100), random.choice("abc"), random.sample(range(100), 5), random.gauss(0, 1))
items = list(range(10))
random.shuffle(items)
print(items, random.choices("xyz", [1, 2, 3], k=5), random.getrandbits(80), random.uniform(1, 2), random.triangular(), random.randbytes(4))
print(random.Random("text").random(), random.expovariate(1), random.betavariate(1, 2))
