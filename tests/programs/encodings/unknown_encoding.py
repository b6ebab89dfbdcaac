"x".encode("no-such")
