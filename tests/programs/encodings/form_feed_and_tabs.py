print(1)
print("before")
print("after a form feed")

if True:
	print("tab")
	if True:
	        print("tab and blanks")
