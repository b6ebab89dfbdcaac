import pprint

pprint.pprint({f"key{i}": list(range(i)) for i in range(12)}, width=40)
