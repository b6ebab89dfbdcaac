# Modules that would reach the network load and fail politely.
import ftplib
import socket
import ssl
import telnetlib
import urllib.request

print(ftplib.FTP_PORT, ssl.OPENSSL_VERSION.split()[0], socket.AF_INET.name, urllib.request.Request("http://x/").host)
print(socket.inet_aton("1.2.3.4"), socket.htons(1), socket.getdefaulttimeout(), telnetlib.TELNET_PORT)
print(urllib.request.urlopen("data:text/plain,hello").read())
