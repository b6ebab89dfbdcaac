raise SystemExit(["a", {"b": None}])
