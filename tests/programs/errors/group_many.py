# More than 15 members are cut short.
raise ExceptionGroup("many", [ValueError(i) for i in range(20)])
