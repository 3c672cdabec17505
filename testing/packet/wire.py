# SPDX-License-Identifier: GPL-2.0-only
"""Frames as scapy builds them from scratch, every length and checksum its own."""
import functools
import ipaddress
import logging

# It looks for routes that nobody needs here, and says so.
logging.getLogger("scapy").setLevel(logging.ERROR)

from scapy.layers.inet import ICMP, IP, IPOption_NOP, IPOption_RR, TCP, UDP
from scapy.layers.inet6 import (ICMPv6DestUnreach, ICMPv6EchoReply, ICMPv6EchoRequest,
                                ICMPv6PacketTooBig, ICMPv6ParamProblem, ICMPv6TimeExceeded, IPv6,
                                IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop,
                                IPv6ExtHdrRouting, PadN)
from scapy.layers.ipsec import AH
from scapy.layers.l2 import Dot1AD, Dot1Q, Ether
from scapy.packet import Raw
from scapy.utils import checksum

ONE_TAG = ((0x8100, 7),)
TWO_TAGS = ((0x88a8, 3), (0x8100, 7))
TAGS = {"no tag": (), "one tag": ONE_TAG, "two tags": TWO_TAGS}
TAG_PRIORITY = 5
ETHERTYPE = {4: 0x0800, 6: 0x86dd}
IDENT = 0x1234


def version(address):
    return 6 if ":" in address else 4


# ---- building ----------------------------------------------------------------------


def build(packet):
    """The bytes of a packet, without scapy's search for fields that stand for several packets."""
    layer = packet
    while layer:
        layer.explicit = 1
        layer = layer.payload
    return bytes(packet)


def options4(words):
    """So many words of IPv4 options: a record of the route, with room for the hops that fit."""
    return [IPOption_RR(routers=["0.0.0.0"] * (words - 1)), IPOption_NOP()] if words else []


@functools.lru_cache
def ether(macs, tags, kind):
    """Up to the network header: MACs (from, to), tags of (ethertype, id), what follows."""
    packet = Ether(src=macs[0], dst=macs[1], type=tags[0][0] if tags else kind)
    for at, (number, vlan) in enumerate(tags):
        tag = Dot1AD if number == 0x88a8 else Dot1Q
        behind = tags[at + 1][0] if at + 1 < len(tags) else kind
        packet /= tag(vlan=vlan, prio=TAG_PRIORITY, type=behind)
    return build(packet)


def layer4(proto, sport, dport, **fields):
    return (TCP if proto == "tcp" else UDP)(sport=sport, dport=dport, **fields)


# By name: the header's number, and the header in front of protocol `nh`.
EXTENSIONS = {
    "hop-by-hop": (0, lambda nh, _: IPv6ExtHdrHopByHop(nh=nh, options=[PadN(optdata=bytes(4))])),
    "destination": (60, lambda nh, _: IPv6ExtHdrDestOpt(nh=nh, options=[PadN(optdata=bytes(20))])),
    "routing": (43, lambda nh, _: IPv6ExtHdrRouting(nh=nh, segleft=0,
                                                    addresses=["2001:db8::77"])),
    "routing to do": (43, lambda nh, _: IPv6ExtHdrRouting(nh=nh, segleft=1,
                                                          addresses=["2001:db8::77"])),
    "ah": (51, lambda nh, _: AH(nh=nh, payloadlen=4, spi=0x1234, seq=1, icv=bytes(range(12)))),
    "fragment": (44, lambda nh, ident: IPv6ExtHdrFragment(nh=nh, id=ident)),
    "mobility": (135, lambda nh, _: Raw(bytes([nh]) + bytes(7))),
}


def network4(source, target, transport, option_words=0, extensions=(), label=0, **ip):
    header = IP(src=source, dst=target, options=options4(option_words),
                **{"ttl": 64, "id": IDENT, **ip})
    return build(header / transport)


def network6(source, target, transport, option_words=0, extensions=(), label=0, ttl=64, tos=0,
             id=IDENT, flags="", proto=None, plen=None):
    """The same over IPv6, from IPv4's words for the fields; it has no flags and no options."""
    whole = build(IPv6(src=source, dst=target) / transport)
    below, nh = whole[40:], whole[6] if proto is None else proto
    for name in reversed(extensions):
        number, make = EXTENSIONS[name]
        below, nh = bytes(make(nh, id)) + below, number
    return build(IPv6(src=source, dst=target, nh=nh, hlim=ttl, tc=tos, fl=label, plen=plen)
                 / Raw(below))


def packet_frame(macs, source, target, transport, trailer=b"", tags=(), **ip):
    """A frame with an IP packet from address to address, the trailer behind it."""
    network = network4 if version(source) == 4 else network6
    return (ether(macs, tags, ETHERTYPE[version(source)])
            + network(source, target, transport, **ip) + trailer)


def frame(macs, source, target, proto="tcp", payload=b"", trailer=b"", ip=None, option_words=0,
          extensions=(), tags=(), **fields):
    """
    A frame from MAC macs[0] to macs[1], from source (address, port) to target. `ip` and `fields`
    are fields of the headers; the trailer lies behind the IP packet. IPv4 takes no notice of
    extensions, IPv6 of option_words: a description does for both.
    """
    transport = layer4(proto, source[1], target[1], **fields) / Raw(payload)
    return packet_frame(macs, source[0], target[0], transport, trailer, tags,
                        option_words=option_words, extensions=extensions, **(ip or {}))


ERRORS6 = {1: ICMPv6DestUnreach, 2: ICMPv6PacketTooBig, 3: ICMPv6TimeExceeded,
           4: ICMPv6ParamProblem}


def error(macs, source, target, quote, trailer=b"", option_words=0, extensions=(), tags=(), ttl=64,
          ip=None, **icmp):
    """A frame with an ICMP error of `source` (address) that quotes the bytes `quote`."""
    if version(source) == 4:
        message = ICMP(**{"type": 3, "code": 3, **icmp})
    else:
        kind = icmp.pop("type", 1)
        message = ERRORS6[kind](**({"code": 4} if kind == 1 else {}) | icmp)
    return packet_frame(macs, source, target, message / Raw(quote), trailer, tags, ttl=ttl,
                        option_words=option_words, extensions=extensions,
                        **{"id": 0x4321, **(ip or {})})


def echo(macs, source, target, reply=False, payload=b"ping", trailer=b"", option_words=0,
         extensions=(), tags=(), number=(77, 3), **ip):
    ident, sequence = number
    if version(source) == 4:
        message = ICMP(type=0 if reply else 8, id=ident, seq=sequence)
    else:
        message = (ICMPv6EchoReply if reply else ICMPv6EchoRequest)(id=ident, seq=sequence)
    return packet_frame(macs, source, target, message / Raw(payload), trailer, tags,
                        option_words=option_words, extensions=extensions, **ip)


def wrapped(data, outside, target, port=None, udp_sum=None, ident=0, flags=""):
    """
    The frame's packet inside another, to address `target`, and in UDP when there is a port. TTL
    64, traffic class as inside.
    """
    start, end = network_at(data), packet_end(data)
    number = 17 if port else {4: 4, 6: 41}[version_of(data)]
    tos = traffic_class(data)
    if version(target) == 4:
        outer = IP(src=outside.source, dst=target, ttl=64, tos=tos, id=ident, flags=flags,
                   proto=number)
    else:
        outer = IPv6(src=outside.source, dst=target, hlim=64, tc=tos, fl=outside.label, nh=number)
    if port:
        outer /= UDP(sport=outside.port, dport=port, chksum=udp_sum)
    kind = ETHERTYPE[version(target)].to_bytes(2, "big")
    return data[:start - 2] + kind + build(outer / Raw(data[start:end])) + data[end:]


def fragments(data, size):
    """
    The packet of a whole frame cut up, as frames: `size` bytes of payload each, a multiple of 8.
    An IPv6 packet has a fragment header already (extensions).
    """
    start, end = network_at(data), packet_end(data)
    if version_of(data) == 4:
        below, piece = start + (data[start] & 15) * 4, piece4
    else:
        below, piece = fragment_header_at(data) + 8, piece6
    header, payload = data[start:below], data[below:end]
    return [data[:start] + piece(header, payload[at:at + size], at, at + size < len(payload))
            for at in range(0, len(payload), size)]


def piece4(header, payload, at, more):
    header = (header[:2] + (len(header) + len(payload)).to_bytes(2, "big") + header[4:6]
              + (more << 13 | at // 8).to_bytes(2, "big") + header[8:10] + b"\0\0" + header[12:])
    return header[:10] + checksum(header).to_bytes(2, "big") + header[12:] + payload


def piece6(header, payload, at, more):
    return (header[:4] + (len(header) - 40 + len(payload)).to_bytes(2, "big") + header[6:-6]
            + (at | more).to_bytes(2, "big") + header[-4:] + payload)


# ---- reading -----------------------------------------------------------------------


def network_at(data):
    """Where a frame's network header begins."""
    at = 12
    while data[at:at + 2] in (b"\x81\x00", b"\x88\xa8") and at < 20:
        at += 4
    return at + 2


def datagram(data):
    """The IP packet in a frame, and what is behind it."""
    return bytes(data)[network_at(data):]


def version_of(data):
    return data[network_at(data)] >> 4


def packet_end(data):
    """Where the IP packet ends, by its own length."""
    at = network_at(data)
    if version_of(data) == 4:
        return at + int.from_bytes(data[at + 2:at + 4], "big")
    return at + 40 + int.from_bytes(data[at + 4:at + 6], "big")


def traffic_class(data):
    at = network_at(data)
    if version_of(data) == 4:
        return data[at + 1]
    return int.from_bytes(data[at:at + 2], "big") >> 4 & 0xff


def transport_at(data):
    """The number of the protocol above IP and extension headers, and where it begins."""
    at = network_at(data)
    if version_of(data) == 4:
        return data[at + 9], at + (data[at] & 15) * 4
    number, at = data[at + 6], at + 40
    while number in (0, 43, 44, 51, 60):
        size = {44: 8, 51: (data[at + 1] + 2) * 4}.get(number, (data[at + 1] + 1) * 8)
        number, at = data[at], at + size
    return number, at


def fragment_header_at(data):
    """Where IPv6's fragment header is, or 0."""
    at = network_at(data)
    number, at = data[at + 6], at + 40
    while number in (0, 43, 51, 60):
        size = (data[at + 1] + 2) * 4 if number == 51 else (data[at + 1] + 1) * 8
        number, at = data[at], at + size
    return at if number == 44 else 0


def is_fragment(data):
    at = network_at(data)
    if version_of(data) == 4:
        return int.from_bytes(data[at + 6:at + 8], "big") & 0x3fff != 0
    at = fragment_header_at(data)
    return at != 0 and int.from_bytes(data[at + 2:at + 4], "big") & 0xfff9 != 0


def ports(data):
    """Source and destination port of a frame."""
    at = transport_at(data)[1]
    return int.from_bytes(data[at:at + 2], "big"), int.from_bytes(data[at + 2:at + 4], "big")


def addresses(data):
    """Source and destination address of a frame."""
    inside, size = (12, 4) if version_of(data) == 4 else (8, 16)
    at = network_at(data) + inside
    return tuple(str(ipaddress.ip_address(data[at + i * size:at + (i + 1) * size]))
                 for i in range(2))


def source_address(data):
    return addresses(data)[0]


def target_address(data):
    return addresses(data)[1]


def word_sum(data):
    """The ones' complement sum of the 16-bit words, as a residue."""
    return int.from_bytes(data + b"\0" * (len(data) % 2), "big") % 0xffff
