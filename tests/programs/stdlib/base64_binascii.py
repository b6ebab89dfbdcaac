import base64
import binascii
import quopri
import uu
import io

data = bytes(range(0, 256, 7))
for encode in (base64.b64encode, base64.urlsafe_b64encode, base64.b32encode, base64.b16encode, base64.a85encode, base64.b85encode):
    print(encode.__name__, encode(data).decode())
print(binascii.hexlify(data, ":"), binascii.crc32(data), binascii.b2a_uu(b"x"), quopri.encodestring("ü=".encode()))
held = io.BytesIO()
uu.encode(io.BytesIO(b"data"), held, "name")
print(held.getvalue())
base64.b64decode("abc")
