import json

data = {"b": [1, 2.5, None, True], "a": {"ü": "\u2028\n"}, "nan": float("nan")}
print(json.dumps(data), json.dumps(data, indent=2, sort_keys=True, ensure_ascii=False), json.loads('[1e5, "\\u00fc", {}]'), sep="\n")
print(json.dumps({1: (1, 2), None: 3}, separators=(",", ":")), json.JSONDecoder().raw_decode("{} rest"))
try:
    json.dumps({1, 2})
except TypeError as error:
    print(error)
json.loads('{"a": 1,}')
