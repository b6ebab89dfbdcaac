import os
import tempfile

with tempfile.TemporaryDirectory() as folder:
    print(os.path.dirname(folder), oct(os.stat(folder).st_mode), len(os.path.basename(folder)))
with tempfile.TemporaryFile("w+") as file:
    file.write("text")
    file.seek(0)
    print(file.read())
with tempfile.NamedTemporaryFile(suffix=".txt") as file:
    print(file.name.endswith(".txt"), os.path.exists(file.name))
print(os.path.exists(file.name), tempfile.gettempdir(), tempfile.gettempprefix())
with tempfile.SpooledTemporaryFile(10) as file:
    file.write(b"x" * 20)
    print(file._rolled)
