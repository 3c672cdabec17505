#!/usr/bin/env python3
"""paced.py ADDRESS PORT RATE SECONDS: RATE datagrams of 100 bytes a second, evenly, ten from each source port."""
import socket
import sys
import time

EACH = 10


def main():
    address, port, rate, seconds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    begin = time.monotonic()
    sockets = []  # kept: answers that nobody takes are told of by ICMP
    for i in range(rate * seconds):
        if i % EACH == 0:
            sockets.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            sockets[-1].connect((address, port))
        time.sleep(max(0, begin + i / rate - time.monotonic()))
        try:
            sockets[-1].send(b"x" * 100)
        except ConnectionRefusedError:
            pass  # the service is away for a moment


main()
