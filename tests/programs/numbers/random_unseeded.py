# No two generators agree.
import random
import secrets
import uuid

print(random.random() != random.random(), random.Random().random() != random.Random().random())
print(len(secrets.token_hex(8)), len(secrets.token_bytes(5)), secrets.randbelow(1), secrets.compare_digest("a", "a"), uuid.uuid4().version)
