# Expression statements of a program print nothing.
1 + 1
"text"
print("end")
