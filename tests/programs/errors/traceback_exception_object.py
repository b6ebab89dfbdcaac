import traceback

try:
    try:
        int("q")
    except ValueError as error:
        raise KeyError("k") from error
except KeyError as error:
    summary = traceback.TracebackException.from_exception(error, capture_locals=True)
    for line in summary.format():
        print(line, end="")
    for entry in summary.stack:
        print(entry.filename, entry.lineno, entry.name, entry.line, entry.colno, entry.end_colno, sorted(entry.locals))
