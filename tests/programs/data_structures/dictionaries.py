table = {"b": 1, "a": 2}
table |= {"c": 3}
table.setdefault("d", []).append(1)
print(table, list(table.items()), table.pop("b"), table.get("zz"), {v if isinstance(v, int) else 0: k for k, v in table.items()}, table.keys() & {"a", "x"})
print({1: "a", True: "b", 1.0: "c"}, dict(zip("ab", (1, 2)), z=3), list(reversed(table)), table.popitem(), {**table, "a": 0})
for key in table:
    table[key + "x"] = 1
