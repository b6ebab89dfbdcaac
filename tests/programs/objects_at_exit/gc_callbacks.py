import gc


def callback(phase, info):
    if phase == "stop" and info["collected"] > 100:
        print(phase, info["generation"], info["uncollectable"])


def garbage():
    for _ in range(200):
        cycle = []
        cycle.append(cycle)


gc.collect()
gc.callbacks.append(callback)
gc.disable()
garbage()
gc.collect()
print("end")
