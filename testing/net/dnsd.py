#!/usr/bin/env python3
"""dnsd.py PORT CODEFILE: answers every question of DNS, by UDP and TCP, with the code in CODEFILE, and with an empty
list of addresses; `hang` there: with nothing."""
import socket
import struct
import sys
import threading


def answer(question):
    with open(sys.argv[2]) as file:
        code = file.read().strip()
    if code == "hang" or len(question) < 12:
        return b""
    return question[:2] + struct.pack("!BB", 0x81, 0x80 | int(code)) + question[4:]


def socket_open(kind):
    server = socket.socket(socket.AF_INET6, kind)
    server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind(("::", int(sys.argv[1])))
    return server


def serve_udp(server):
    while True:
        question, client = server.recvfrom(65536)
        reply = answer(question)
        if reply:
            server.sendto(reply, client)


def serve_tcp(server):
    while True:
        connection, _ = server.accept()
        try:
            reply = answer(connection.recv(65536)[2:])
            # in two pieces
            connection.sendall(struct.pack("!H", len(reply)))
            connection.sendall(reply)
            connection.close()
        except OSError:
            pass


def main():
    udp, tcp = socket_open(socket.SOCK_DGRAM), socket_open(socket.SOCK_STREAM)
    tcp.listen(100)
    threading.Thread(target=serve_udp, args=(udp,), daemon=True).start()
    serve_tcp(tcp)


main()
