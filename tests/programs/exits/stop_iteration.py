raise StopIteration("at the top")
