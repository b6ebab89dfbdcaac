class Mine(KeyboardInterrupt):
    pass


raise Mine("by hand")
