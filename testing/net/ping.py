#!/usr/bin/env python3
"""ping.py ADDRESS [SIZE]: one ICMP echo request of SIZE bytes; fails when it is not answered in 2 seconds."""
import socket
import struct
import sys

IDENTITY = 0x7064


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xffff) + (total >> 16)
    return ~(total + (total >> 16)) & 0xffff


def kind(address):
    """The socket, the types of request and reply."""
    if ":" in address:
        return socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6), 128, 129
    return socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP), 8, 0


def main():
    address, size = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 6
    ping, request_type, reply_type = kind(address)
    ping.settimeout(2)
    body = struct.pack("!HH", IDENTITY, 1) + b"xdplb?" * (size // 6)
    # The kernel fills in the checksum of ICMPv6.
    request = struct.pack("!BBH", request_type, 0, checksum(struct.pack("!BBH", request_type, 0, 0) + body)) + body
    ping.sendto(request, (address, 0))
    while True:
        answer, peer = ping.recvfrom(65536)
        if ping.family == socket.AF_INET:
            answer = answer[(answer[0] & 15) * 4:]
        if peer[0] == address and answer[0] == reply_type and answer[4:] == body:
            return


try:
    main()
except OSError as error:
    sys.exit(f"ping.py: {sys.argv[1]}: {error}")
