# Sources nested too deep for the compiler.
import ast

for text in ("-" * 20000 + "1", "[" * 150 + "]" * 150, "a" + ".b" * 20000, "1" + "+1" * 20000):
    try:
        ast.parse(text)
        print("parsed")
    except (RecursionError, MemoryError, SyntaxError) as error:
        print(type(error).__name__, str(error)[:60])
