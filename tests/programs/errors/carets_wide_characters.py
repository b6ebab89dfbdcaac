# Columns are counted in characters, though the offsets are bytes.
größe = {"ä": 1}
x = größe["ä"] + größe["日本語"] + größe["ä"]
