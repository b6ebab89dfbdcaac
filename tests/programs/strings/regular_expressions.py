import re

text = "Ada 1815-12-10, Alan 1912-06-23; Grace 1906-12-09"
print(re.findall(r"(\w+) (\d{4})", text), re.sub(r"(\d+)-(\d+)-(\d+)", r"\3.\2.\1", text), re.split(r"[,;]\s*", text))
match = re.search(r"(?P<name>A\w+)\s(?P<year>\d+)(?=-)", text)
print(match, match.groupdict(), match.span("year"), match.expand(r"\g<name>!"))
print(re.compile(r"a+?b*", re.I | re.X), re.escape("a.b*c"), re.fullmatch(r"(?:ab)++", "abab"), [m.start() for m in re.finditer("(?i)a", text)])
re.compile(r"(unclosed")
