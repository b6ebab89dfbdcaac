# The traceback shows the file as it is when it is printed.
with open("main.py") as file:
    lines = file.readlines()
with open("main.py", "w") as file:
    file.writelines(line.replace("value_a", "value_b") for line in lines)
value_a = 1
raise ValueError(value_a)
