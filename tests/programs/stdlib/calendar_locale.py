import calendar
import locale

print(calendar.month(2024, 2), calendar.isleap(1900), calendar.monthrange(2023, 2), calendar.timegm((2020, 1, 1, 0, 0, 0)), sep="\n")
print(locale.format_string("%.2f", 1234.5, grouping=True), locale.getlocale(), locale.strxfrm("a"), locale.atof("1.5"))
locale.setlocale(locale.LC_ALL, "de_DE.UTF-8")
