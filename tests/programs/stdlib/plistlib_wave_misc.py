import chunk
import colorsys
import gettext
import io
import plistlib
import sndhdr
import stat
import wave

print(plistlib.dumps({"a": [1, True, b"x"], "d": 1.5}).decode(), plistlib.loads(plistlib.dumps({"k": "v"}, fmt=plistlib.FMT_BINARY)))
held = io.BytesIO()
with wave.open(held, "wb") as sound:
    sound.setparams((1, 2, 8000, 0, "NONE", ""))
    sound.writeframes(b"\0\1" * 100)
print(len(held.getvalue()), wave.open(io.BytesIO(held.getvalue())).getparams(), colorsys.hsv_to_rgb(0.5, 1, 1), gettext.gettext("text"), stat.filemode(0o100755))
plistlib.loads(b"nonsense")
