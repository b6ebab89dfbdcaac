with open("leaver.py", "w") as file:
    file.write("raise SystemExit(13)\n")
import leaver
