import hashlib
import hmac
import zlib

for name in sorted(hashlib.algorithms_guaranteed):
    h = hashlib.new(name, b"data")
    print(name, h.hexdigest(16) if name.startswith("shake") else h.hexdigest(), h.block_size)
print(hmac.new(b"key", b"message", "sha256").hexdigest(), hmac.compare_digest(b"a", b"b"))
print(hashlib.pbkdf2_hmac("sha1", b"p", b"s", 10).hex(), hashlib.scrypt(b"p", salt=b"s", n=16, r=1, p=1, dklen=8).hex())
hashlib.new("no-such-hash")
