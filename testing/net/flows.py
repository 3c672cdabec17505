#!/usr/bin/env python3
"""flows.py [-u] [-s] [-p FIRST] [-r ROUNDS] [-f FILE] [-n] [-b ADDRESS] ADDRESS PORT COUNT

Opens COUNT flows (TCP, -u: UDP) to an echo.py and holds them all. In each of
ROUNDS rounds (2) every flow says something of its own and must hear just that,
from the same backend, which sees the same client, as in the round before; the
first round goes in order, the others shuffled. -f: the rounds go on until FILE
exists. Prints a line a flow: the
backend's name, and the address and port it sees.

-s  UDP that is said once: a datagram without an answer is an error
-p  source ports from FIRST on   -n  UDP without checksum   -b  source address
"""
import argparse
import os
import random
import resource
import socket
import sys

SO_NO_CHECK = 11  # not in Python's socket module
AT_ONCE = 64  # datagrams under way, few enough for every buffer
WAIT = 5


def flow_open(options, index):
    kind = socket.SOCK_DGRAM if options.u else socket.SOCK_STREAM
    flow = socket.socket(socket.AF_INET, kind)
    flow.settimeout(WAIT)
    if options.n:
        flow.setsockopt(socket.SOL_SOCKET, SO_NO_CHECK, 1)
    if options.p or options.b:
        flow.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        flow.bind((options.b, options.p + index if options.p else 0))
    flow.connect((options.address, options.port))
    return flow


def hear_stream(flow):
    heard = b""
    while not heard.endswith(b"\n"):
        more = flow.recv(65536)
        if not more:
            raise ConnectionError("closed")
        heard += more
    return heard


def hear_datagram(flow, said):
    """As any client of UDP, says it again when no answer comes: a busy machine drops datagrams."""
    flow.settimeout(1)
    for _ in range(WAIT):
        try:
            while True:
                heard = flow.recv(65536)
                text = heard.strip().split(b" ", 3)[3]
                # Twice said is twice answered: an answer to what this flow said before is no news.
                if text == said or text.split(b"/")[1] != said.split(b"/")[1]:
                    return heard
        except TimeoutError:
            flow.sendall(said + b"\n")
    raise TimeoutError("timed out")


def speak(flows, order, number, options, seen):
    for at in range(0, len(order), AT_ONCE):
        some = order[at:at + AT_ONCE]
        said = {}
        for i in some:
            said[i] = b"%d/%d/%d" % (number, i, random.getrandbits(32))
            flows[i].sendall(said[i] + b"\n")
        for i in some:
            if options.u and not options.s:
                heard = hear_datagram(flows[i], said[i])
            else:
                heard = flows[i].recv(65536) if options.u else hear_stream(flows[i])
            name, address, port, text = heard.strip().split(b" ", 3)
            if text != said[i]:
                sys.exit(f"flow {i}: said {said[i]}, heard {text}: another flow's answer")
            peer = (name.decode(), address.decode(), int(port))
            if seen.setdefault(i, peer) != peer:
                sys.exit(f"flow {i}: was {seen[i]}, is {peer} in round {number}")


def arguments():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("-u", action="store_true")
    parser.add_argument("-s", action="store_true")
    parser.add_argument("-n", action="store_true")
    parser.add_argument("-p", type=int, default=0)
    parser.add_argument("-r", type=int, default=2)
    parser.add_argument("-f")
    parser.add_argument("-b", default="")
    parser.add_argument("address")
    parser.add_argument("port", type=int)
    parser.add_argument("count", type=int)
    return parser.parse_args()


def main():
    options = arguments()
    resource.setrlimit(resource.RLIMIT_NOFILE, 2 * (resource.getrlimit(resource.RLIMIT_NOFILE)[1],))
    seen = {}
    try:
        flows = [flow_open(options, i) for i in range(options.count)]
        order = list(range(options.count))
        number = 0
        while number < options.r or options.f and not os.path.exists(options.f):
            speak(flows, order, number, options, seen)
            random.shuffle(order)
            number += 1
    except OSError as error:
        sys.exit(f"flows.py: after {len(seen)} flows: {error}")
    for i in range(options.count):
        print(*seen[i])


main()
