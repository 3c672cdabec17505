#!/usr/bin/env python3
"""visitors.py [-o] FROM HOST PORT SECONDS KIND...: clients that mean no good, many of each kind at once, for so long.

With -o they are a few, and none comes again when it was sent away. FROM is their address.

    silent   connects and says nothing
    slow     a request, a byte a second
    deaf     asks for the page and reads 500 bytes a second
    flood    asks and hangs up, as fast as it goes
    endless  a header that never ends
    upload   a body that never ends

Prints, by kind, how many connections were ended by the other side.
"""
import socket
import sys
import time

MANY = 40
PIECE = b"X-Header: " + b"x" * 1000 + b"\r\n"


class Visitor:
    def __init__(self, source, where, kind, once):
        self.source, self.where, self.kind, self.once = source, where, kind, once
        self.ended = 0
        self.socket = None
        self.next = 0.0

    def connect(self):
        self.socket = socket.socket()
        self.socket.settimeout(2)
        self.sent = 0
        if self.kind == "deaf":
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        self.socket.bind((self.source, 0))
        self.socket.connect(self.where)
        if self.kind == "deaf":
            self.socket.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        elif self.kind == "endless":
            self.socket.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n")
        elif self.kind == "upload":
            self.socket.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n")
        self.socket.setblocking(False)

    def over(self):
        if self.socket:
            self.socket.close()
        self.socket = None
        self.ended += 1
        self.next = time.monotonic() + (1e9 if self.once else 0.05)

    def turn(self):
        """Does its next step; an error is the other side's end."""
        request = b"GET /status.json HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\n\r\n"
        if self.kind == "flood":
            self.socket.send(request)
            self.over()
            return
        if self.kind == "slow":
            self.socket.send(request[self.sent % len(request):][:1])
            self.sent += 1
        elif self.kind in ("endless", "upload"):
            self.socket.send(PIECE)
        try:
            if not self.socket.recv(500):
                self.over()
                return
        except BlockingIOError:
            pass
        self.next = time.monotonic() + (0.01 if self.kind in ("endless", "upload") else 1)


def step(visitor):
    try:
        if not visitor.socket:
            visitor.connect()
        visitor.turn()
    except BlockingIOError:
        visitor.next = time.monotonic() + 0.05
    except OSError:
        visitor.over()


def main():
    arguments = sys.argv[1:]
    once = arguments[0] == "-o"
    source, host, port, seconds, *kinds = arguments[once:]
    many = 5 if once else MANY
    visitors = [Visitor(source, (host, int(port)), kind, once) for kind in kinds for _ in range(many)]
    end = time.monotonic() + float(seconds)
    while time.monotonic() < end:
        for visitor in visitors:
            if time.monotonic() >= visitor.next:
                step(visitor)
        time.sleep(0.002)
    for kind in kinds:
        print(kind, sum(visitor.ended for visitor in visitors if visitor.kind == kind))


main()
