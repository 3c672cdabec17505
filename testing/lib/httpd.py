#!/usr/bin/env python3
"""httpd.py NAME PORT...: a backend to test against.

GET  /            its name and a line feed
GET  /client      the client's address and port as this server sees them
GET  /big/N       N bytes, always the same ones; X-Sha256 says their sum
GET  /slow/N      its name, in N lines, one every 0.1 s: a connection that lasts
POST or PUT       takes any upload and answers with its SHA-256

Every answer carries the name in X-Backend. It listens on IPv4 and IPv6.
"""
import hashlib
import socket
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

BLOCK = bytes(range(251)) * 256  # 251 is prime: no two shifts look the same


def big_blocks(size):
    while size > 0:
        yield BLOCK[:size]
        size -= len(BLOCK)


def checksum(blocks):
    total = hashlib.sha256()
    for block in blocks:
        total.update(block)
    return total.hexdigest()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # A connection that a test forgot must not hold its thread for ever.
    timeout = 120

    def start(self, length, **headers):
        self.send_response(200)
        self.send_header("Content-Length", str(length))
        self.send_header("X-Backend", self.server.name)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def answer(self, text):
        body = text.encode() + b"\n"
        self.start(len(body))
        self.wfile.write(body)

    def do_GET(self):
        word, _, number = self.path.strip("/").partition("/")
        count = int(number) if number.isdigit() else 0
        if word == "":
            self.answer(self.server.name)
        elif word == "client":
            address, port = self.client_address[:2]
            self.answer(f"{address.removeprefix('::ffff:')} {port}")
        elif word == "big":
            self.big(count)
        elif word == "slow":
            self.slow(count)
        else:
            self.send_error(404)

    def big(self, size):
        self.start(size, X_Sha256=checksum(big_blocks(size)))
        for block in big_blocks(size):
            self.wfile.write(block)

    def slow(self, count):
        line = self.server.name.encode() + b"\n"
        self.start(len(line) * count)
        for _ in range(count):
            self.wfile.write(line)
            time.sleep(0.1)

    def body(self):
        left = int(self.headers["Content-Length"])
        while left > 0:
            block = self.rfile.read(min(left, 65536))
            if not block:
                raise ConnectionError("upload ended early")
            left -= len(block)
            yield block

    def do_POST(self):
        if "Content-Length" not in self.headers:
            self.send_error(411)
            return
        self.answer(checksum(self.body()))

    do_PUT = do_POST

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    address_family = socket.AF_INET6
    request_queue_size = 4096
    daemon_threads = True

    def __init__(self, name, port):
        self.name = name
        super().__init__(("::", port), Handler)

    def server_bind(self):
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        # HTTPServer would look its own name up, in a network without a DNS.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)

    def handle_error(self, request, client_address):
        # Tests break connections on purpose.
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    from threading import Thread
    name, *ports = sys.argv[1:]
    threads = [Thread(target=Server(name, int(port)).serve_forever) for port in ports]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


main()
