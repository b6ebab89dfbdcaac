# Hashes of text are the same in every run.
print(hash("text"), hash(b"bytes"), hash(("a", 1)), hash(1.5), hash(None) != 0, {"b", "a", "c", "dd", "eee"})
