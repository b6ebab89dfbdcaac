import io
import keyword
import token
import tokenize

for t in tokenize.generate_tokens(io.StringIO("if x >= 0x1F:  # note\n    y = f'{a}' @ b\n").readline):
    print(t.type, token.tok_name[t.exact_type], repr(t.string), t.start, t.end)
print(tokenize.detect_encoding(io.BytesIO(b"# coding: latin-1\n").readline), keyword.iskeyword("match"), keyword.softkwlist)
list(tokenize.generate_tokens(io.StringIO("'''open").readline))
