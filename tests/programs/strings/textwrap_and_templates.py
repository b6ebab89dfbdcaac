import string
import textwrap

text = "The quick brown fox jumps over the lazy dog. " * 3
print(textwrap.fill(text, 30, initial_indent="* ", subsequent_indent="  "), textwrap.shorten(text, 25), sep="\n")
print(textwrap.dedent("    a\n      b\n"), textwrap.indent("x\ny", "> "), string.Template("$who owes ${what}").substitute(who="A", what="B"))
print(string.ascii_letters, string.punctuation, string.capwords("one two"), string.Formatter().format("{0!r:>5}", "x"))
string.Template("$missing").substitute()
