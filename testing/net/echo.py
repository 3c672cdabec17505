#!/usr/bin/env python3
"""echo.py NAME [--no-check] PORT: TCP and UDP on PORT.

Every line (TCP) or datagram (UDP) is answered with "NAME ADDRESS PORT TEXT": the
client as this server sees it, and what it said. --no-check: UDP answers carry
no checksum.
"""
import asyncio
import resource
import socket
import sys

# Not in Python's socket module.
SO_NO_CHECK = 11
SO_RCVBUFFORCE = 33


def answer(name, peer, text):
    return b"%s %s %d %s" % (name, peer[0].encode(), peer[1], text)


class Datagrams(asyncio.DatagramProtocol):
    def __init__(self, name):
        self.name = name

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, peer):
        self.transport.sendto(answer(self.name, peer, data), peer)


async def serve(name, port, no_check):
    async def stream(reader, writer):
        try:
            while line := await reader.readline():
                writer.write(answer(name, writer.get_extra_info("peername"), line))
        except OSError:
            pass  # tests break connections on purpose
        writer.close()

    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 16 << 20)
    if no_check:
        udp.setsockopt(socket.SOL_SOCKET, SO_NO_CHECK, 1)
    udp.bind(("0.0.0.0", port))
    await asyncio.get_running_loop().create_datagram_endpoint(lambda: Datagrams(name), sock=udp)
    server = await asyncio.start_server(stream, "0.0.0.0", port, backlog=4096)
    await server.serve_forever()


def main():
    resource.setrlimit(resource.RLIMIT_NOFILE, 2 * (resource.getrlimit(resource.RLIMIT_NOFILE)[1],))
    words = [word for word in sys.argv[1:] if word != "--no-check"]
    if len(words) != 2:
        sys.exit(__doc__)
    asyncio.run(serve(words[0].encode(), int(words[1]), "--no-check" in sys.argv))


main()
