# A console that reads the program's standard input.
import code

code.interact(banner="hello", exitmsg="bye", local={"a": 20})
