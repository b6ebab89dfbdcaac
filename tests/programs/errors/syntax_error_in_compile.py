compile("def f(:\n    pass\n", "given_name.py", "exec")
