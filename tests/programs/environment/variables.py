import os

print(dict(os.environ), os.getenv("SHELL"), os.environb)
