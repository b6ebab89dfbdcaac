import stringprep
import unicodedata

for character in "Aß½中😀\u0301":
    print(ascii(character), unicodedata.name(character), unicodedata.category(character), unicodedata.combining(character))
print(ascii(unicodedata.normalize("NFD", "é")), unicodedata.normalize("NFKC", "ﬁ①"), unicodedata.unidata_version, unicodedata.lookup("SNOWMAN"))
print(stringprep.in_table_a1("\u0221"), unicodedata.east_asian_width("中"), unicodedata.numeric("Ⅷ"), unicodedata.mirrored("("))
unicodedata.name("\n")
