b"good\nbad \xff\xfe\n"
