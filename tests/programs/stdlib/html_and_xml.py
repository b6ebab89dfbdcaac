import html
import xml.dom.minidom
import xml.etree.ElementTree as ET
import xml.sax
from html.parser import HTMLParser


class Parser(HTMLParser):
    def handle_starttag(self, tag, attrs):
        print("start", tag, attrs)

    def handle_data(self, data):
        print("data", repr(data))


Parser().feed("<p class='a'>x &amp; y<br/></p>")
print(html.escape("<a href=\"x\">"), html.unescape("&euro;&#252;"))
root = ET.fromstring("<r><a n='1'>t</a><a n='2'/></r>")
ET.SubElement(root, "b").text = "<ü>"
ET.indent(root)
print(ET.tostring(root, encoding="unicode"), [e.get("n") for e in root.iterfind(".//a")], root.find("b").text)
print(xml.dom.minidom.parseString("<x><y/></x>").toprettyxml())
ET.fromstring("<r><a></r>")
