# SPDX-License-Identifier: GPL-2.0-only
"""ICMP errors about packets that were translated, and about others."""
from scapy.layers.inet import ICMP, IP, TCP
from scapy.layers.l2 import Ether

from balancer import BACKENDS, CLIENT, CLIENT_MAC, VIP
from case import case, check
from flow import SENT, Flow, expect_dropped, expect_frame, expect_passed
from wire import datagram

ERRORS = {
    "port unreachable": {"type": 3, "code": 3},
    "host unreachable": {"type": 3, "code": 1},
    "frag needed": {"type": 3, "code": 4, "nexthopmtu": 1300},
    "time exceeded": {"type": 11, "code": 0},
    "parameter problem": {"type": 12, "code": 0, "ptr": 20},
}
WHOLE = 1500
# protocol, what is quoted of it: IP header and 8 bytes, the TCP header but its
# last bytes, all
QUOTES = [("tcp", 28), ("tcp", 36), ("tcp", 38), ("tcp", 39), ("tcp", 40), ("tcp", WHOLE),
          ("udp", 28), ("udp", 29), ("udp", WHOLE)]


def open_flow(lb, proto, port):
    return Flow(lb, lb.service(f"{BACKENDS[0]}:{port}", proto=proto)).establish()


def each(names):
    """A case for each error, quote and direction."""
    def register(function):
        for name in names:
            for proto, length in QUOTES:
                quote = "all" if length == WHOLE else length
                title = f"icmp {name}, {proto}, quoting {quote}"
                case(title, ERRORS[name], proto, length)(function)
        return function
    return register


@each(ERRORS)
def translated(lb, fields, proto, length):
    flow = open_flow(lb, proto, 8100)
    packet = {"payload": b"what it was about", "ip": {"ttl": 61}}
    known = {"payload": packet["payload"], "ip": {"ttl": 60}}  # on the other side
    expect_frame(lb.send(flow.error_in(flow.forwarded(**packet), length, **fields)),
                 flow.error_out(flow.sent(**known), length, **fields))
    expect_frame(lb.send(flow.error_up(flow.returned(**packet), length, **fields)),
                 flow.error_down(flow.replied(**known), length, **fields))


@case("icmp: ip options outside and inside, a trailer, odd lengths, a router's error")
def options(lb):
    flow = open_flow(lb, "tcp", 8101)
    there, known = {"option_words": 5, "ip": {"ttl": 61}}, {"option_words": 5, "ip": {"ttl": 60}}
    for length in (48, 60, 61):
        for outer in ({}, {"option_words": 10}, {"trailer": b"tail!"}, {"ttl": 2}):
            expect_frame(lb.send(flow.error_in(flow.forwarded(**there), length, "10.71.0.99",
                                               **outer)),
                         flow.error_out(flow.sent(**known), length, **outer))
            expect_frame(lb.send(flow.error_up(flow.returned(**there), length, "10.71.0.99",
                                               **outer)),
                         flow.error_down(flow.replied(**known), length, **outer))


@case("icmp: quoted udp without a checksum keeps none, one computed as zero is ffff")
def quoted_zero(lb):
    flow = open_flow(lb, "udp", 8102)
    expect_frame(lb.send(flow.error_in(flow.forwarded(chksum=0, ip={"ttl": 61}), 28)),
                 flow.error_out(flow.sent(chksum=0, ip={"ttl": 60}), 28))
    data = flow.sent(payload=b"\0\0")[40:42]
    check(flow.sent(payload=data)[40:42] == b"\xff\xff", "the case is not what it should be")
    expect_frame(lb.send(flow.error_in(flow.forwarded(payload=data, ip={"ttl": 61}), WHOLE)),
                 flow.error_out(flow.sent(payload=data, ip={"ttl": 60}), WHOLE))


@case("icmp: an error about none of our flows is passed as it was")
def not_ours(lb):
    flow = open_flow(lb, "tcp", 8103)
    stranger = Flow(lb, flow.service, (CLIENT, 49999))
    stranger.backend, stranger.snat = flow.backend, (flow.snat[0], 31000)
    near = Flow(lb, flow.service)
    near.backend, near.snat = (flow.backend[0], 8999), flow.snat
    other = Flow(lb, open_flow(lb, "udp", 8104).service)
    other.backend, other.snat = flow.backend, flow.snat
    quote = datagram(flow.forwarded())
    elsewhere = bytes(Ether(src=CLIENT_MAC, dst=lb.mac) / IP(src=CLIENT, dst=VIP)
                      / ICMP(type=3, code=3) / quote)
    own = bytes(Ether(src=CLIENT_MAC, dst=lb.mac) / IP(src=CLIENT, dst="10.71.0.10")
                / ICMP(type=3, code=3) / IP(src="10.71.0.10", dst=BACKENDS[1])
                / TCP(sport=flow.snat[1], dport=8103))
    for sent in (stranger.error_in(stranger.forwarded(), 28), near.error_in(near.forwarded(), 28),
                 other.error_in(other.forwarded(), 28), elsewhere, own,
                 stranger.error_up(stranger.returned(), 28)):
        expect_passed(lb.send(sent), sent)


@case("icmp: an error about a later fragment of ours is passed as it was")
def quoted_fragment(lb):
    flow = open_flow(lb, "udp", 8105)
    sent = flow.error_in(flow.forwarded(ip={"frag": 185}), 28)
    expect_passed(lb.send(sent), sent)


@case("icmp: ttl 1 and 0 are dropped")
def ttl(lb):
    flow = open_flow(lb, "tcp", 8106)
    for left in (0, 1):
        expect_dropped(lb, [flow.error_in(flow.forwarded(), 28, ttl=left),
                            flow.error_up(flow.returned(), 28, ttl=left)], "ttl")


def header_of(data, **fields):
    """The frame's IP header with other fields, and the checksum that goes with them."""
    header = IP(datagram(data)[:20])
    for name, value in {**fields, "chksum": None}.items():
        setattr(header, name, value)
    return bytes(header)[:20]


def with_length(data, length):
    """The frame with another total length, and the IP checksum that goes with it."""
    return data[:14] + header_of(data, len=length) + data[34:]


def never_sent(lb, data):
    result = lb.send(data)
    check(result.verdict not in SENT, "%s with %s", result.verdict, result.data.hex())
    if result.verdict == "PASS":
        expect_passed(result, data)


@case("icmp: total length ends inside the quoted headers: not translated")
def short_length(lb):
    flow = open_flow(lb, "tcp", 8107)
    for length in (20, 27, 28, 36, 48, 55):
        never_sent(lb, with_length(flow.error_in(flow.forwarded(), 40), length))
        never_sent(lb, with_length(flow.error_up(flow.returned(), 40), length))


@case("icmp: total length beyond the packet: not translated")
def long_length(lb):
    flow = open_flow(lb, "tcp", 8108)
    for more in (1, 2, 8, 1400):
        never_sent(lb, with_length(flow.error_in(flow.forwarded(), 40), 68 + more))
        never_sent(lb, with_length(flow.error_up(flow.returned(), 40), 68 + more))


@case("icmp: a fragmented error is not translated")
def fragmented(lb):
    flow = open_flow(lb, "tcp", 8109)
    whole = flow.error_in(flow.forwarded(), 40)
    for flags, offset in (("MF", 0), ("MF", 1), ("", 1)):
        never_sent(lb, whole[:14] + header_of(whole, flags=flags, frag=offset) + whole[34:])


@case("icmp: the flow lives on")
def lives(lb):
    flow = open_flow(lb, "tcp", 8110)
    lb.send(flow.error_in(flow.forwarded(), 28, type=3, code=3))
    lb.send(flow.error_up(flow.returned(), 28, type=3, code=3))
    flow.go(payload=b"still")
    flow.back(payload=b"here")
