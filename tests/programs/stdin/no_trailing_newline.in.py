b"first\nlast without newline"
