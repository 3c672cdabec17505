#!/usr/bin/env python3
"""tunnel.py: unwraps IP in IP (IPv4 and IPv6), and GUE at port 6080, as a backend's kernel does that has such tunnels:
the inner packets arrive by the device tunnel0. The kernel has looked at the outer checksums."""
import fcntl
import os
import select
import socket
import struct

TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 1, 0x1000
GUE = 6080


def device():
    tun = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH22x", b"tunnel0", IFF_TUN | IFF_NO_PI))
    return tun


def gue(family, any_address):
    ends = socket.socket(family, socket.SOCK_DGRAM)
    if family == socket.AF_INET6:
        ends.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    ends.bind((any_address, GUE))
    return ends


def main():
    tun = device()
    raw4 = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_IPIP)
    ends = [raw4, socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_IPV6),
            gue(socket.AF_INET, "0.0.0.0"), gue(socket.AF_INET6, "::")]
    while True:
        for end in select.select(ends, [], [])[0]:
            packet = end.recv(65536)
            if end is raw4:
                packet = packet[(packet[0] & 15) * 4:]
            os.write(tun, packet)


main()
