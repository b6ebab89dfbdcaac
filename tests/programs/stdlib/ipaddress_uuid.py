import ipaddress
import uuid

network = ipaddress.ip_network("192.168.0.0/29")
print(list(network.hosts())[:2], network.netmask, ipaddress.ip_address("::1").is_loopback, ipaddress.ip_address("10.0.0.1") in network, list(network.subnets())[:2])
print(uuid.uuid5(uuid.NAMESPACE_DNS, "example.org"), uuid.uuid3(uuid.NAMESPACE_URL, "x"), uuid.UUID(int=5), uuid.uuid4().version, len(str(uuid.uuid1())))
ipaddress.ip_address("300.1.1.1")
