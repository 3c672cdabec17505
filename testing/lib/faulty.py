#!/usr/bin/env python3
"""A TCP server that fails as it is told.

faulty.py PORT MODEFILE     the word in MODEFILE says how, looked at for each connection:

    good       an HTTP answer with status 200 and "well" in its body
    teapot     the same with status 418
    empty      the same without the body
    late       the same after 0.3 s
    hang       takes connections and says nothing
    reset      takes them and resets them
    slow       an answer byte by byte, one every 0.2 s
    gigabyte   an answer whose body never ends
    header     an answer whose header never ends
    garbage    random bytes
    early      closes in the middle of an answer
"""
import os
import socket
import struct
import sys
import threading
import time

BODY = b"all is well\n"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n" + BODY


def send_forever(connection, piece):
    while True:
        connection.sendall(piece)


def answer(connection, mode):
    if mode == "hang":
        time.sleep(60)
    elif mode == "reset":
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    elif mode == "garbage":
        connection.sendall(os.urandom(4096))
    else:
        connection.recv(65536)
        speak(connection, mode)


def speak(connection, mode):
    if mode == "late":
        time.sleep(0.3)
    if mode == "slow":
        for i in range(len(ANSWER)):
            connection.sendall(ANSWER[i:i + 1])
            time.sleep(0.2)
    elif mode == "gigabyte":
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n")
        send_forever(connection, b"x" * 65536)
    elif mode == "header":
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        send_forever(connection, b"X-More: " + b"x" * 1000 + b"\r\n")
    elif mode == "early":
        connection.sendall(ANSWER[:-5])
    elif mode == "teapot":
        connection.sendall(ANSWER.replace(b"200 OK", b"418 Teapot"))
    elif mode == "empty":
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    else:
        connection.sendall(ANSWER)


def serve(connection, mode):
    try:
        answer(connection, mode)
        connection.close()
    except OSError:
        pass


def main():
    server = socket.socket(socket.AF_INET6)
    server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind(("::", int(sys.argv[1])))
    server.listen(1024)
    while True:
        connection, _ = server.accept()
        with open(sys.argv[2]) as file:
            mode = file.read().strip()
        threading.Thread(target=serve, args=(connection, mode), daemon=True).start()


main()
