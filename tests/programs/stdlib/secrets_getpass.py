import getpass
import secrets

print(len(secrets.token_urlsafe(10)), secrets.choice([5]))
print(getpass.getpass("password? "))
