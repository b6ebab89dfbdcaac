# The name of the file in the message.
open("/no/such/dir/file.txt")
