import re
import sys


def evaluate(text):
    tokens = re.findall(r"\d+\.?\d*|[-+*/()]", text)

    def factor():
        token = tokens.pop(0)
        if token == "(":
            value = expression()
            tokens.pop(0)
            return value
        return -factor() if token == "-" else float(token)

    def term():
        value = factor()
        while tokens and tokens[0] in "*/":
            value = value * factor() if tokens.pop(0) == "*" else value / factor()
        return value

    def expression():
        value = term()
        while tokens and tokens[0] in "+-":
            value = value + term() if tokens.pop(0) == "+" else value - term()
        return value

    return expression()


for line in sys.stdin:
    print(line.strip(), "=", evaluate(line))
