import copyreg
import marshal
import shelve

print(marshal.loads(marshal.dumps({"a": (1, 2.5, b"x", None, ...)})), marshal.version, eval(marshal.loads(marshal.dumps(compile("6*7", "x", "eval")))))
copyreg.pickle(type(print), lambda f: f.__name__)
with shelve.open("store") as store:
    store["key"] = [1, 2]
with shelve.open("store") as store:
    print(dict(store))
marshal.loads(b"?")
