#!/usr/bin/env python3
"""UDP to test with.

udp.py serve NAME PORT...           answers each datagram with "NAME " and what it held
udp.py ask [-p FROM_PORT] [-n COUNT] [-t SECONDS] ADDRESS PORT TEXT
    sends TEXT (of @N: N bytes) and prints each answer; exits 1 when one is missing.
    All COUNT datagrams leave from one socket, so they are one flow.
"""
import argparse
import socket
import sys
from threading import Thread

# Not in Python's socket module everywhere; the same on every Linux.
IPV6_RECVPKTINFO = 49
IPV6_PKTINFO = 50


def serve(name, port):
    server = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    server.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVPKTINFO, 1)
    server.bind(("::", port))
    prefix = name.encode() + b" "
    while True:
        data, about, _, client = server.recvmsg(65536, 256)
        # A host with several addresses answers from the one it was asked at:
        # with direct return that is the service's, not its own.
        here = [(level, kind, value[:16] + bytes(4)) for level, kind, value in about
                if (level, kind) == (socket.IPPROTO_IPV6, IPV6_PKTINFO)]
        try:
            server.sendmsg([prefix, data], here, 0, client)
        except OSError:
            # An ICMP error about an earlier answer, or an answer too long to send.
            pass


def payload(text):
    return b"x" * int(text[1:]) if text.startswith("@") else text.encode()


def ask(options):
    family = socket.AF_INET6 if ":" in options.address else socket.AF_INET
    client = socket.socket(family, socket.SOCK_DGRAM)
    client.settimeout(options.t)
    client.bind(("", options.p))
    client.connect((options.address, options.port))
    sent = payload(options.text)
    for _ in range(options.n):
        client.send(sent)
        answer = client.recv(65536)
        name, _, echo = answer.partition(b" ")
        if echo != sent:
            sys.exit(f"udp.py: {name.decode(errors='replace')} answered {len(answer)} bytes that are not what was sent")
        print(name.decode() if options.text.startswith("@") else answer.decode())


def arguments():
    parser = argparse.ArgumentParser(usage=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    server = commands.add_parser("serve")
    server.add_argument("name")
    server.add_argument("ports", type=int, nargs="+")
    client = commands.add_parser("ask")
    client.add_argument("-p", type=int, default=0)
    client.add_argument("-n", type=int, default=1)
    client.add_argument("-t", type=float, default=3)
    client.add_argument("address")
    client.add_argument("port", type=int)
    client.add_argument("text")
    return parser.parse_args()


def main():
    options = arguments()
    if options.command == "serve":
        for port in options.ports:
            Thread(target=serve, args=(options.name, port)).start()
        return
    try:
        ask(options)
    except OSError as error:
        sys.exit(f"udp.py: {options.address} port {options.port}: {error}")


main()
