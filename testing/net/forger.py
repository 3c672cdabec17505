"""A user of this machine who speaks for a listener's port from a socket of his own.

python3 - bound ADDRESS SERVICE PORT PROTOCOL WEIGHT < forger.py    bound to ADDRESS and the listener's PORT, with the
                                                                    service's address as source (RFC 3542, ip(7))
python3 - device NAME SERVICE PORT PROTOCOL WEIGHT < forger.py      bound to any address of this device

From standard input, as the user may have no way to this file.
"""
import socket
import struct
import sys

IP_PKTINFO = 8  # not in Python's socket module
REGISTRATION_PORT = 7475


def socket_for(how, where, service, port):
    forger = socket.socket(socket.AF_INET6 if ":" in service else socket.AF_INET, socket.SOCK_DGRAM)
    if how == "device":
        forger.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, where.encode())
        where = "::" if ":" in service else "0.0.0.0"
    forger.bind((where, port))
    return forger


def source(service):
    if ":" in service:
        return socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, socket.inet_pton(socket.AF_INET6, service) + bytes(4)
    return socket.IPPROTO_IP, IP_PKTINFO, bytes(4) + socket.inet_aton(service) + bytes(4)


def message(service, port, protocol, weight):
    mapped = service if ":" in service else "::ffff:" + service
    return struct.pack("!4sBBBBHHHH16s24x", b"xdlb", 1, 1 if weight else 2, protocol, 0, 5000, port, weight,
                       30 if weight else 0, socket.inet_pton(socket.AF_INET6, mapped))


how, where, service, *numbers = sys.argv[1:]
port, protocol, weight = map(int, numbers)
socket_for(how, where, service, port).sendmsg(
    [message(service, port, protocol, weight)], [source(service)], 0, (service, REGISTRATION_PORT))
