from email import message_from_string, policy
from email.message import EmailMessage
from email.utils import formataddr, parseaddr

message = EmailMessage()
message["Subject"] = "Grüße"
message["From"] = formataddr(("Ada L", "ada@example.org"))
message.set_content("Hello\nWörld\n")
message.add_alternative("<p>Hi</p>", subtype="html")
message.set_boundary("=limit=")
print(message)
parsed = message_from_string(str(message), policy=policy.default)
print(parsed["subject"], [p.get_content_type() for p in parsed.walk()], parseaddr("X <x@y.z>"))
