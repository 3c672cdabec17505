"""A user of this machine who would speak for a listener's port that is not his.

python3 - HOW [WHERE] SERVICE PORT PROTOCOL WEIGHT < forger.py

From standard input, as the user may have no way to this file. HOW is one of
  bound ADDRESS    from a socket bound to ADDRESS and PORT, with the service's address as source (RFC 3542, ip(7))
  device NAME      from one that was bound to this device, then connected to nothing, which takes the device away
  segments ADDRESS as bound, behind a datagram that is no message, both as one of UDP_SEGMENT
  behind           as sealed, behind one that speaks of no service
  sealed           from a socket that has the port, with a seal that was seen before
  mirror           from where registrations go to, to PORT, whose listener echoes
  parked           has PORT at another address until one byte comes from descriptor 3, then comes to the service's
  many NAME GROUP  from where registrations go to, by interface NAME to GROUP or broadcast address, and so to PORT
  connecting       holds TCP's PORT with a connection that never comes about, says "ready", waits for a byte from descriptor 3, and sends
"""
import os
import socket
import struct
import sys

# Not in Python's socket module.
AF_UNSPEC_ADDRESS = struct.pack("=H14x", 0)
IP_MINTTL, IP_PKTINFO, IPV6_MINHOPCOUNT, UDP_SEGMENT = 21, 8, 73, 103
REGISTRATION_PORT = 7475
SIZE = 56


def forger_socket(service, address, port, kind=socket.SOCK_DGRAM, device=None):
    forger = socket.socket(socket.AF_INET6 if ":" in service else socket.AF_INET, kind)
    if kind == socket.SOCK_STREAM:
        forger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if device:
        forger.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode())
    forger.bind((address, port))
    return forger


def source(service):
    if ":" in service:
        return socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, socket.inet_pton(socket.AF_INET6, service) + bytes(4)
    return socket.IPPROTO_IP, IP_PKTINFO, bytes(4) + socket.inet_aton(service) + bytes(4)


def message(service, port, protocol, weight):
    mapped = service if ":" in service else "::ffff:" + service
    return struct.pack("!4sBBBBHHHH16s24x", b"xdlb", 1, 1 if weight else 2, protocol, 0, 5000, port, weight,
                       30 if weight else 0, socket.inet_pton(socket.AF_INET6, mapped))


def send(forger, service, data):
    forger.sendmsg([data], [source(service)], 0, (service, REGISTRATION_PORT))


def disconnect(forger):
    """As connect(2) with AF_UNSPEC, which Python's does not take."""
    import ctypes
    if ctypes.CDLL(None).connect(forger.fileno(), AF_UNSPEC_ADDRESS, len(AF_UNSPEC_ADDRESS)):
        sys.exit("forger.py: connect")


def connecting(service, port):
    """To port 0; refusals are not heard, as they come from too near."""
    holder = forger_socket(service, service, port, socket.SOCK_STREAM)
    if ":" in service:
        holder.setsockopt(socket.IPPROTO_IPV6, IPV6_MINHOPCOUNT, 255)
    else:
        holder.setsockopt(socket.IPPROTO_IP, IP_MINTTL, 255)
    holder.setblocking(False)
    holder.connect_ex((service, 0))
    print("ready", flush=True)
    os.read(3, 1)
    return holder


def parked(service, port):
    """A socket that was at any address can be had anywhere by connecting it, and again when it is disconnected."""
    holder = forger_socket(service, anywhere, port)
    holder.connect(("::1" if ":" in service else "127.0.0.1", 9))
    print("ready", flush=True)
    os.read(3, 1)
    disconnect(holder)
    holder.connect((service, REGISTRATION_PORT))
    return holder


def to_many(forger, name, group, port, data):
    index = socket.if_nametoindex(name)
    if ":" in group:
        forger.sendto(data, (group, port, 0, index))
        return
    forger.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    forger.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, name.encode())
    forger.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, struct.pack("=4s4si", bytes(4), bytes(4), index))
    forger.sendto(data, (group, port))


how, *where, service, port, protocol, weight = sys.argv[1:]
port, said = int(port), message(service, int(port), int(protocol), int(weight))
sealed = said[:44] + b"\0\0\3\xe8" + b"seal" * 2
anywhere = "::" if ":" in service else "0.0.0.0"
if how == "device":
    forger = forger_socket(service, anywhere, port, device=where[0])
    disconnect(forger)
    send(forger, service, said)
elif how == "segments":
    forger = forger_socket(service, where[0], port)
    forger.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, SIZE)
    send(forger, service, bytes(SIZE) + said)
elif how == "sealed":
    send(forger_socket(service, service, port), service, sealed)
elif how == "behind":
    forger = forger_socket(service, service, port)
    forger.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, SIZE)
    send(forger, service, message("2001:db8:ffff::1", port, int(protocol), 1) + sealed)
elif how == "mirror":
    forger_socket(service, service, REGISTRATION_PORT).sendto(said, (service, port))
elif how == "parked":
    parked(service, port).send(said)
elif how == "many":
    to_many(forger_socket(service, service, REGISTRATION_PORT), *where, port, said)
elif how == "connecting":
    held = connecting(service, port)
    send(forger_socket(service, service, port), service, said)
else:
    send(forger_socket(service, where[0], port), service, said)
