# SPDX-License-Identifier: GPL-2.0-only
"""Frames as scapy builds them from scratch, every length and checksum its own."""
import logging

# It looks for routes that nobody needs here, and says so.
logging.getLogger("scapy").setLevel(logging.ERROR)

from scapy.layers.inet import ICMP, IP, IPOption_NOP, TCP, UDP
from scapy.layers.l2 import Ether
from scapy.packet import Raw


def layer4(proto, sport, dport, **fields):
    return (TCP if proto == "tcp" else UDP)(sport=sport, dport=dport, **fields)


def frame(macs, source, target, proto="tcp", payload=b"", trailer=b"", ip=None, option_words=0,
          **fields):
    """
    A frame from MAC macs[0] to macs[1], from source (address, port) to target. `ip` and `fields`
    are fields of the headers; the trailer lies behind the IP packet.
    """
    header = IP(src=source[0], dst=target[0], options=[IPOption_NOP()] * 4 * option_words,
                **{"ttl": 64, "id": 0x1234, **(ip or {})})
    packet = Ether(src=macs[0], dst=macs[1]) / header
    packet /= layer4(proto, source[1], target[1], **fields)
    return bytes(packet / Raw(payload)) + trailer


def datagram(data):
    """The IP packet in a frame."""
    return bytes(data)[14:]


def error(macs, source, target, quote, trailer=b"", option_words=0, ttl=64, **icmp):
    """A frame with an ICMP error of `source` (address) that quotes the bytes `quote`."""
    header = IP(src=source, dst=target, ttl=ttl, id=0x4321,
                options=[IPOption_NOP()] * 4 * option_words)
    packet = Ether(src=macs[0], dst=macs[1]) / header / ICMP(**{"type": 3, "code": 3, **icmp})
    return bytes(packet / Raw(quote)) + trailer


def ports(data):
    """Source and destination port of a frame."""
    at = 14 + (data[14] & 15) * 4
    return int.from_bytes(data[at:at + 2], "big"), int.from_bytes(data[at + 2:at + 4], "big")


def address(data, at):
    return ".".join(str(byte) for byte in data[at:at + 4])


def source_address(data):
    return address(data, 26)


def target_address(data):
    return address(data, 30)


def word_sum(data):
    """The ones' complement sum of the 16-bit words, as a residue."""
    return int.from_bytes(data + b"\0" * (len(data) % 2), "big") % 0xffff
