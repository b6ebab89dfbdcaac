items = []
items.append(items)
table = {"me": items}
table["self"] = table
print(items, table)


class Bad:
    def __repr__(self):
        return repr(self)


repr(Bad())
