# Recursion through C: comparison, json, pickle, sort.
import json
import pickle

nested = []
for _ in range(100000):
    nested = [nested]
for attempt in (lambda: json.dumps(nested), lambda: pickle.dumps(nested), lambda: nested == [nested], lambda: repr(nested)):
    try:
        print(len(str(attempt())))
    except RecursionError as error:
        print(error)
