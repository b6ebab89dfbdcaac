kept = []


class Phoenix:
    def __del__(self):
        print("dying")
        kept.append(self)


phoenix = Phoenix()
del phoenix
print(len(kept))
