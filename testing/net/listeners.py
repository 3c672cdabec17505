#!/usr/bin/env python3
"""Listeners of a service on this machine, and its clients.

listeners.py serve [-b ADDRESS] PORT...              TCP and UDP on each PORT, bound to ADDRESS or to any; a datagram or
                                                     line is answered with "PORT CLIENT CLIENT-PORT " and itself
listeners.py datagrams ADDRESS PORT COUNT [SIZE]     COUNT datagrams of one connected socket
listeners.py connections ADDRESS PORT COUNT          COUNT connections, one after the other
listeners.py clients ADDRESS PORT COUNT              COUNT UDP sockets, three datagrams each, which one listener must answer
listeners.py steady ADDRESS PORT FILE [MS]           datagrams of one socket, one each MS (2) milliseconds, until FILE exists

Clients fail where anything is not answered, and print who answered, a line a listener: "PORT COUNT". steady does not,
but says how many were not; FILE.log has a line an answer: the second, by CLOCK_MONOTONIC, the listener, which datagram,
and the second when that was sent; listener 0 is a refusal.
"""
import asyncio
import collections
import os
import socket
import sys
import time

# Not in Python's socket module.
SO_RCVBUFFORCE = 33
BUFFER = 8 << 20
AT_ONCE = 32  # datagrams under way, few enough for every buffer
WAIT = 3


# ---- listeners ---------------------------------------------------------------------

def answer(port, peer, said):
    return b"%d %s %d " % (port, peer[0].removeprefix("::ffff:").encode(), peer[1]) + said


class Datagrams(asyncio.DatagramProtocol):
    def __init__(self, port):
        self.port = port

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, peer):
        self.transport.sendto(answer(self.port, peer, data), peer)


def bound(kind, address, port):
    listener = socket.socket(socket.AF_INET if "." in address else socket.AF_INET6, kind)
    if kind == socket.SOCK_STREAM:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    else:
        listener.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)
    if listener.family == socket.AF_INET6:
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    listener.bind((address, port))
    return listener


async def listen(address, port):
    async def stream(reader, writer):
        try:
            while line := await reader.readline():
                writer.write(answer(port, writer.get_extra_info("peername"), line))
        except OSError:
            pass  # tests break connections on purpose
        writer.close()

    udp, tcp = bound(socket.SOCK_DGRAM, address, port), bound(socket.SOCK_STREAM, address, port)
    await asyncio.get_running_loop().create_datagram_endpoint(lambda: Datagrams(port), sock=udp)
    return await asyncio.start_server(stream, sock=tcp, backlog=4096)


async def serve(*words):
    address, ports = ("::", words) if words[0] != "-b" else (words[1], words[2:])
    servers = [await listen(address, int(port)) for port in ports]
    await asyncio.gather(*(server.serve_forever() for server in servers))


# ---- clients -----------------------------------------------------------------------

def client(address, port, kind=socket.SOCK_DGRAM):
    flow = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind)
    flow.settimeout(WAIT)
    flow.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)
    flow.connect((address, port))
    return flow


def heard(text, flow):
    """Who has answered, and what; the listener must have seen the client as it is."""
    who, peer, port, said = text.split(b" ", 3)
    if (peer.decode(), int(port)) != flow.getsockname()[:2]:
        sys.exit(f"listeners.py: {flow.getsockname()[:2]} is {peer.decode()} port {int(port)} to the listener")
    return int(who), said


def show(counts):
    for who in sorted(counts):
        print(who, counts[who])


def datagrams(address, port, count, size=8):
    flow, counts, count = client(address, int(port)), collections.Counter(), int(count)
    # The pieces of one are as many frames as a queue holds some of.
    at_once = AT_ONCE if int(size) < 5000 else 1
    for first in range(0, count, at_once):
        sent = {b"%d" % n + b"x" * (int(size) - len(b"%d" % n)) for n in range(first, min(first + at_once, count))}
        for text in sent:
            flow.send(text)
        while sent:
            who, said = heard(flow.recv(65536), flow)
            sent.remove(said)
            counts[who] += 1
    show(counts)


def connections(address, port, count):
    counts = collections.Counter()
    for n in range(int(count)):
        with client(address, int(port), socket.SOCK_STREAM) as flow:
            flow.sendall(b"%d\n" % n)
            who, said = heard(flow.makefile("rb").readline(), flow)
            if said != b"%d\n" % n:
                sys.exit(f"listeners.py: {said} is not what was said")
            counts[who] += 1
    show(counts)


def clients(address, port, count):
    counts, flows = collections.Counter(), [client(address, int(port)) for _ in range(int(count))]
    whose = {}
    for turn in range(3):
        for flow in flows:
            flow.send(b"%d" % turn)
            who, said = heard(flow.recv(65536), flow)
            if whose.setdefault(flow, who) != who or said != b"%d" % turn:
                sys.exit(f"listeners.py: listener {who} says {said} to a client of {whose[flow]}")
    for flow in flows:
        counts[whose[flow]] += 1
    show(counts)


class Log:
    """When each listener, 0 for nobody, has answered."""

    def __init__(self, path):
        self.file = open(path, "w", encoding="ascii")

    def note(self, who, number=-1, sent=0.0):
        print(f"{time.monotonic():.4f}", who, number, f"{sent:.4f}", file=self.file)


def hear(flow, seconds, sent, log):
    """One answer, if it comes in that time."""
    flow.settimeout(seconds)
    try:
        who, said = heard(flow.recv(65536), flow)
    except TimeoutError:
        return False
    except ConnectionRefusedError:
        log.note(0)
        return True
    log.note(who, int(said), sent.pop(int(said)))
    return True


def hear_until(flow, due, sent, log):
    while (left := due - time.monotonic()) > 0 and hear(flow, left, sent, log):
        pass


def steady(address, port, until, milliseconds="2"):
    flow, log, sent = client(address, int(port)), Log(until + ".log"), {}
    due, number = time.monotonic(), 0
    while not os.path.exists(until):
        try:
            begun = time.monotonic()
            flow.send(b"%d" % number)
            sent[number] = begun
            number += 1
        except ConnectionRefusedError:  # of the one before
            log.note(0)
        due = max(due + float(milliseconds) / 1000, time.monotonic() - 0.02)
        hear_until(flow, due, sent, log)
    # A listener may be behind by more than it takes to answer one.
    while sent and hear(flow, WAIT, sent, log):
        pass
    print(len(sent), "of", number, "unanswered")


def main():
    words = sys.argv[1:]
    if len(words) < 2:
        sys.exit(__doc__)
    if words[0] == "serve":
        asyncio.run(serve(*words[1:]))
    else:
        {"datagrams": datagrams, "connections": connections, "clients": clients, "steady": steady}[words[0]](*words[1:])


try:
    main()
except OSError as error:
    sys.exit(f"listeners.py: {' '.join(sys.argv[1:])}: {error}")
