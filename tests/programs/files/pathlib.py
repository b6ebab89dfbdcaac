from pathlib import Path

root = Path("tree")
(root / "a" / "b").mkdir(parents=True)
(root / "a" / "one.txt").write_text("1\n")
(root / "a" / "b" / "two.txt").write_text("2\n")
print(sorted(root.rglob("*.txt")), root.resolve(), Path("x/../y.tar.gz").suffixes)
print(*(p.relative_to(root).as_posix() + p.read_text() for p in sorted(root.glob("**/*.txt"))), sep="", end="")
(root / "missing").read_text()
