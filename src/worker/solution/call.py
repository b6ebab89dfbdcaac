"""Stands beside a program whose function `solution` is to be called, and calls it once the program has run.

The program's last line imports this and has `call(<the test's input>)` in it. What is done here is done inside the
sandbox, by a program that may do the same itself: nothing of it is believed, and what is expected is not known.
"""

import _json  # json's own core: json itself brings re, enum and collections, ten times the time of all else here
import io
import sys

BLANKS = " \t\r\n"


def after_blanks(text, at):
    while at < len(text) and text[at] in BLANKS:
        at += 1
    return at


class Grammar:
    """What json.JSONDecoder tells its scanner, but that NaN and the infinities are no JSON."""
    strict = True
    object_hook = object_pairs_hook = None
    parse_float, parse_int = float, int

    @staticmethod
    def parse_constant(name):
        raise ValueError(name)


def json_values(text):
    """JSON values separated by commas or white space; a ValueError where it is anything else."""
    scan = _json.make_scanner(Grammar)
    values, at = [], after_blanks(text, 0)
    while at < len(text):
        try:
            value, end = scan(text, at)
        except (StopIteration, SystemError):  # the class of its errors is json.decoder's, which may not be loaded
            raise ValueError("no value") from None
        values.append(value)
        at = after_blanks(text, end)
        if at < len(text) and text[at] == ",":
            at = after_blanks(text, at + 1)
            if at == len(text):
                raise ValueError("nothing after a comma")
        elif at == end < len(text):
            raise ValueError("two values with nothing between them")
    return values


def arguments(text):
    try:
        return json_values(text)
    except (ValueError, RecursionError):
        return [text]


def without_nan(value):
    if isinstance(value, float):
        return value if value - value == 0 else None
    if isinstance(value, (list, tuple)):
        return [without_nan(item) for item in value]
    if isinstance(value, dict):
        return {key: without_nan(item) for key, item in value.items()}
    return value


def not_json(value):
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def compact_json(value):
    """As json.dumps with ensure_ascii=False, allow_nan=False and no blanks."""
    known, indent, sort_keys, skip_keys, allow_nan = {}, None, False, False, False
    encode = _json.make_encoder(known, not_json, _json.encode_basestring, indent, ":", ",", sort_keys, skip_keys, allow_nan)
    return "".join(encode(value, 0))


def shown(value):
    """A string as itself, anything else as JSON without blanks; what JSON has no number for is null."""
    if isinstance(value, str):
        return value
    try:
        return compact_json(value)
    except ValueError as error:
        if "Out of range float" not in str(error):
            raise
        return compact_json(without_nan(value))


class Standard(io.FileIO):
    """Standard output that knows what was written to it last."""
    last = b""

    def write(self, data):
        written = super().write(data)
        if written:
            self.last = bytes(data[written - 1:written])
        return written


def run(function, values):
    result = function(*values)
    if not hasattr(type(result), "__await__"):
        return result
    import asyncio

    async def settled():
        return await result
    return asyncio.run(settled())


def frames_of(error, file):
    """The error's frames from the first one of the program on."""
    frames = error.__traceback__
    while frames is not None and frames.tb_frame.f_code.co_filename != file:
        frames = frames.tb_next
    return frames


def call(text):
    main = sys.modules["__main__"]
    solution = getattr(main, "solution", None)
    if not callable(solution):
        return  # a program: it has read its standard input and is done
    digits = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(0)
    values = arguments(text)
    sys.set_int_max_str_digits(digits)
    raw = None
    before = sys.stdout
    try:
        if before is sys.__stdout__ and before is not None:
            before.flush()
            raw = Standard(1, "w", closefd=False)
            sys.stdout = io.TextIOWrapper(io.BufferedWriter(raw), encoding=before.encoding, errors=before.errors)
        result = run(solution, values)
        sys.stdout.flush()
        if raw and before is not sys.stdout:
            before.flush()
        printed = raw.last if raw else b""
        if result is not None or not printed:
            sys.set_int_max_str_digits(0)
            sys.stdout.write(("\n" if printed not in (b"", b"\n") else "") + shown(result) + "\n")
            sys.set_int_max_str_digits(digits)
            sys.stdout.flush()
    except SystemExit:
        sys.stdout.flush()
        raise
    except BaseException as error:
        sys.stdout.flush()
        error = error.with_traceback(frames_of(error, main.__file__))
        sys.excepthook(type(error), error, error.__traceback__)
        raise SystemExit(1) from None
