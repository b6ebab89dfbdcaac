import csv
import io
import sys

writer = csv.writer(sys.stdout)
writer.writerows([["a", 'quote"d', "com,ma"], [1, None, "new\nline"]])
reader = csv.DictReader(io.StringIO("name;age\nAda;36\n'x;y';1\n"), delimiter=";", quotechar="'")
print(list(reader), csv.Sniffer().sniff("a;b;c\n1;2;3\n").delimiter, csv.list_dialects())
table = csv.DictWriter(sys.stdout, ["x", "y"], lineterminator="\n", quoting=csv.QUOTE_ALL)
table.writeheader()
table.writerow({"x": 1, "z": 2})
