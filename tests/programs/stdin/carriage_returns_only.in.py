b"one\rtwo\rthree"
