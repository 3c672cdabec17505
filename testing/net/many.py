#!/usr/bin/env python3
"""many.py PORT: an HTTP server for very many short requests; answers "well" to whatever comes."""
import select
import socket
import sys

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nwell\n"

server = socket.socket(socket.AF_INET6)
server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
server.bind(("::", int(sys.argv[1])))
server.listen(4096)
server.setblocking(False)
poll = select.epoll()
poll.register(server, select.EPOLLIN)
known = {}
while True:
    for fd, _ in poll.poll():
        if fd == server.fileno():
            try:
                connection = server.accept()[0]
            except OSError:
                continue
            known[connection.fileno()] = connection
            poll.register(connection, select.EPOLLIN)
            continue
        connection = known.pop(fd)
        try:
            if connection.recv(4096):
                connection.send(ANSWER)
        except OSError:
            pass
        connection.close()
