"""Another machine that says it is the balancer's, and has a listener there that echoes speak for it.

impostor.py HOW INTERFACE MAC SERVICE PORT

Sends one datagram by IPv6 to PORT at the SERVICE's address, from where registrations go to. HOW is one of
  plain    to the station MAC
  many     to all stations
  group    to the group of all nodes
  tags     with three VLAN tags, 1, 2 and 3
  headers  with nine extension headers
"""
import socket
import struct
import sys

from scapy.all import Dot1Q, Ether, IPv6, IPv6ExtHdrDestOpt, PadN, UDP, get_if_hwaddr, sendp

how, interface, mac, service, port = sys.argv[1:]
said = struct.pack("!4sBBBBHHHH16s24x", b"xdlb", 1, 1, socket.IPPROTO_UDP, 0, 5000, int(port), 60000, 30,
                   socket.inet_pton(socket.AF_INET6, service))
link = Ether(src=get_if_hwaddr(interface), dst={"many": "ff:ff:ff:ff:ff:ff", "group": "33:33:00:00:00:01"}.get(how, mac))
if how == "tags":
    link /= Dot1Q(vlan=1) / Dot1Q(vlan=2) / Dot1Q(vlan=3)
packet = IPv6(src=service, dst="ff02::1" if how == "group" else service)
if how == "headers":
    for _ in range(9):
        packet /= IPv6ExtHdrDestOpt(options=[PadN(optdata=b"\0" * 4)])
sendp(link / packet / UDP(sport=7475, dport=int(port)) / said, iface=interface, verbose=False)
