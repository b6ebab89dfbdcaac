print("never printed")
text = "no end
