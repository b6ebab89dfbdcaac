b"good\nbad \xff\n"
