import datetime

name, width, value = "Ada", 10, 3.14159
print(f"{name!r:>{width}} {value:.{2}f} {value=:.3f} {1 + 1 = } {{}} {'nested ' + f'{name}'} {datetime.date(2020, 1, 2):%d %b %Y}")
print(f"{name:*^{width}}|{255:#06x}|{-5:+05d}|{1e6:,.0f}|{True:d}|{'é':>3}", f"""{
    name
}""")
f"{value:d}"
