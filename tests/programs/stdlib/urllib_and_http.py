import http
import http.cookies
import mimetypes
import urllib.parse
import urllib.robotparser

u = urllib.parse.urlsplit("https://user:pw@host.example:8080/a/b;p?q=1&q=2#frag")
print(u, u.port, u.username, urllib.parse.parse_qs(u.query), urllib.parse.urljoin("http://a/b/c", "../d"), urllib.parse.quote("ü /?"), urllib.parse.urlencode({"a": [1, 2]}, doseq=True))
print(http.HTTPStatus.NOT_FOUND.phrase, http.HTTPStatus(503), http.cookies.SimpleCookie("a=1; b=2")["b"].value, mimetypes.guess_type("x.html"))
urllib.parse.urlsplit("http://[bad").hostname
