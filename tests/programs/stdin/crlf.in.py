b"one\r\ntwo\r\nthree\rfour\n"
