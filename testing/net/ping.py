#!/usr/bin/env python3
"""ping.py ADDRESS: one ICMP echo request; fails when it is not answered in 3 seconds."""
import socket
import struct
import sys

REQUEST, REPLY = 8, 0
IDENTITY = 0x7064


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xffff) + (total >> 16)
    return ~(total + (total >> 16)) & 0xffff


def main():
    ping = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    ping.settimeout(3)
    head = struct.pack("!BBHHH", REQUEST, 0, 0, IDENTITY, 1)
    request = head[:2] + struct.pack("!H", checksum(head + b"xdplb?")) + head[4:] + b"xdplb?"
    ping.sendto(request, (sys.argv[1], 0))
    while True:
        answer, peer = ping.recvfrom(2048)
        body = answer[(answer[0] & 15) * 4:]
        if peer[0] == sys.argv[1] and body[0] == REPLY and body[4:] == request[4:]:
            return


try:
    main()
except OSError as error:
    sys.exit(f"ping.py: {sys.argv[1]}: {error}")
