# Too many nested parentheses, in text that is compiled while running.
eval("(" * 250 + ")" * 250)
