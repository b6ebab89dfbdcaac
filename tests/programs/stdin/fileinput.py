import fileinput

with fileinput.input() as lines:
    for line in lines:
        print(lines.filename(), lines.lineno(), line.rstrip())
