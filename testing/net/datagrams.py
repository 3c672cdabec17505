#!/usr/bin/env python3
"""What udp.py does not send. Prints who answers, fails when nobody does.

datagrams.py any ADDRESS PORT COUNT                 COUNT datagrams of one flow; prints from where each is answered
datagrams.py fragments ADDRESS PORT SIZE INDEX...   a datagram of SIZE bytes in fragments of 1400, those named, in that order
datagrams.py WORD ADDRESS PORT                      a datagram with options (IPv4), hop-by-hop or destination (IPv6)
datagrams.py WORD-tcp ADDRESS PORT                  an HTTP request whose every packet has that
"""
import socket
import struct
import sys

WAIT = 2
PIECE = 1400
FRAGMENT_HEADER = 44
# 4 bytes of nothing; 4 bytes of padding behind next header and length.
NO_OPERATIONS = b"\x01\x01\x01\x00"
PADDING = b"\x00\x00\x01\x04\x00\x00\x00\x00"
HEADERS = {
    "options": (socket.IPPROTO_IP, socket.IP_OPTIONS, NO_OPERATIONS),
    "hop-by-hop": (socket.IPPROTO_IPV6, socket.IPV6_HOPOPTS, PADDING),
    "destination": (socket.IPPROTO_IPV6, socket.IPV6_DSTOPTS, PADDING),
}


def family_of(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def any_source(address, port, count):
    client = socket.socket(family_of(address), socket.SOCK_DGRAM)
    client.settimeout(WAIT)
    for i in range(int(count)):
        client.sendto(b"%d" % i, (address, port))
        print(client.recvfrom(2048)[1][0])


def checksum(data):
    data += bytes(len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff or 0xffff


def udp_packet(source, destination, body):
    packed = [socket.inet_pton(family_of(address), address) for address, _ in (source, destination)]
    length = 8 + len(body)
    pseudo = b"".join(packed) + struct.pack("!IHBB", length, 0, 0, socket.IPPROTO_UDP)
    head = struct.pack("!HHH", source[1], destination[1], length)
    return packed, head + struct.pack("!H", checksum(pseudo + head + bytes(2) + body)) + body


def fragment4(packed, offset, more, piece, identity):
    return struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(piece), identity, offset >> 3 | more << 13, 64,
                       socket.IPPROTO_UDP, 0) + b"".join(packed) + piece


def fragment6(packed, offset, more, piece, identity):
    return struct.pack("!IHBB", 6 << 28, 8 + len(piece), FRAGMENT_HEADER, 64) + b"".join(packed) + \
        struct.pack("!BBHI", socket.IPPROTO_UDP, 0, offset | more, identity) + piece


def fragments(address, port, size, *order):
    family = family_of(address)
    client = socket.socket(family, socket.SOCK_DGRAM)
    client.settimeout(WAIT)
    client.connect((address, port))
    source = client.getsockname()[:2]
    packed, packet = udp_packet(source, (address, port), b"x" * int(size))
    raw = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_RAW)
    make = fragment4 if family == socket.AF_INET else fragment6
    for index in map(int, order):
        offset = index * PIECE
        piece = packet[offset:offset + PIECE]
        more = offset + PIECE < len(packet)
        raw.sendto(make(packed, offset, more, piece, source[1]), (address, 0))
    name, _, echo = client.recv(65536).partition(b" ")
    if echo != b"x" * int(size):
        sys.exit("not what was sent came back")
    print(name.decode())


def with_header(word, kind, address, port):
    client = socket.socket(family_of(address), kind)
    client.settimeout(WAIT)
    client.setsockopt(*HEADERS[word])
    client.connect((address, port))
    return client


def datagram(word, address, port):
    client = with_header(word, socket.SOCK_DGRAM, address, port)
    client.send(b"hello")
    print(client.recv(2048).decode().removesuffix(" hello"))


def request(word, address, port):
    client = with_header(word, socket.SOCK_STREAM, address, port)
    client.sendall(b"GET / HTTP/1.0\r\n\r\n")
    answer = b""
    while more := client.recv(2048):
        answer += more
    print(answer.decode().split()[-1])


def main():
    word, address, port, *rest = sys.argv[1:]
    if word == "any":
        any_source(address, int(port), *rest)
    elif word == "fragments":
        fragments(address, int(port), *rest)
    elif word.endswith("-tcp"):
        request(word.removesuffix("-tcp"), address, int(port))
    else:
        datagram(word, address, int(port))


try:
    main()
except OSError as error:
    sys.exit(f"datagrams.py: {' '.join(sys.argv[1:])}: {error}")
