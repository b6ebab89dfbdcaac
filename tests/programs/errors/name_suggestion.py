# "Did you mean" for names.
value_of_thing = 1
print(value_of_thin)
