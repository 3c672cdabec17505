# SPDX-License-Identifier: GPL-2.0-only
"""ICMP errors about packets of a service's flows, and about others, for each method."""
from scapy.layers.inet import ICMP, IP
from scapy.layers.inet6 import ICMPv6Unknown

from case import case, check, each_way, same
from flow import (SENT, TRANSLATORS, WAYS, DsrFlow, Flow, expect_dropped, expect_frame,
                  expect_passed)
from wire import (TAGS, datagram, error, fragments, network_at, packet_frame, target_address,
                  transport_at, version_of)

ERRORS = {
    4: [{"type": 3, "code": 3}, {"type": 3, "code": 1}, {"type": 3, "code": 4, "nexthopmtu": 1300},
        {"type": 11, "code": 0}, {"type": 12, "code": 0, "ptr": 20}],
    6: [{"type": 1, "code": 4}, {"type": 1, "code": 0}, {"type": 2, "mtu": 1300},
        {"type": 3, "code": 0}, {"type": 4, "code": 1, "ptr": 40}],
}
ALL = 1500
# What is quoted of TCP or UDP: 8 bytes, the TCP header but its last bytes, all.
QUOTED = {"tcp": [8, 9, 16, 18, 19, 20, ALL], "udp": [8, 9, ALL]}
OPTIONS = [{}, {"option_words": 1, "extensions": ("hop-by-hop",)},
           {"option_words": 10, "extensions": ("destination", "routing", "ah")}]


def quoted(data, length):
    """How many bytes of an IP packet are quoted with so many of its transport."""
    return transport_at(data)[1] - network_at(data) + length


class Errors:
    """Errors about one packet of a flow, and what must become of them."""

    def __init__(self, flow, **packet):
        self.flow = flow
        # What is quoted has been a hop further.
        there = {"payload": b"what it was about", **packet, "ip": {"ttl": 61}}
        here = {**there, "ip": {"ttl": 60}}
        self.forwarded, self.returned = flow.forwarded(**there), flow.returned(**there)
        self.sent, self.replied = flow.sent(**here), flow.replied(**here)

    def into(self, length, **fields):
        """From the backend's side, and what the client gets."""
        length = quoted(self.forwarded, length)
        return (self.flow.error_in(self.forwarded, length, **fields),
                self.flow.error_out(self.sent, length, **fields))

    def up(self, length, **fields):
        """From the client's side, and what the backend gets, or its tunnel's end."""
        length = quoted(self.returned, length)
        return (self.flow.error_up(self.returned, length, **fields),
                self.flow.error_down(self.replied, length, **fields))


def expect_errors(flow, pairs):
    results = flow.balancer.send_all([sent for sent, _ in pairs])
    for result, (_, wanted) in zip(results, pairs):
        flow.expect(result, wanted)


def expect_out(flow, pairs):
    results = flow.balancer.send_all([sent for sent, _ in pairs])
    for result, (_, wanted) in zip(results, pairs):
        expect_frame(result, wanted)


def outsides(family):
    return [{}, *({"tags": tags} for tags in TAGS.values() if tags), *OPTIONS[1:],
            {"trailer": b"tail!"}, {"source": family.router}, {"ip": {"tos": 0xc0}}]


def all_quotes(errors, way, proto):
    """Each error with each length of quote."""
    return [errors(length, **fields) for length in QUOTED[proto]
            for fields in ERRORS[way.family.version]]


def all_outsides(errors, outside):
    return [errors(length, **fields) for length in (8, 20) for fields in outside]


@each_way("icmp: every error to the backend, quoting 8 bytes and more", WAYS, both=True)
def to_backend(lb, way, proto):
    flow = way.open(lb, proto=proto)
    expect_errors(flow, all_quotes(Errors(flow).up, way, proto))
    for inside in OPTIONS:
        expect_errors(flow, all_outsides(Errors(flow, **inside).up, outsides(way.family)))


@each_way("icmp: every error to the client, quoting 8 bytes and more", TRANSLATORS, both=True)
def to_client(lb, way, proto):
    flow = way.open(lb, proto=proto)
    expect_out(flow, all_quotes(Errors(flow).into, way, proto))
    for inside in OPTIONS:
        expect_out(flow, all_outsides(Errors(flow, **inside).into, outsides(way.via)))


@each_way("icmp: what a backend that answers by itself says is passed as it was",
          [way for way in WAYS if way.flow is DsrFlow])
def direct(lb, way, proto):
    flow = way.open(lb, proto=proto)
    for length in QUOTED[proto]:
        quote = datagram(flow.sent(payload=b"data"))
        sent = error((flow.backend_mac(), lb.mac), way.via.backends[0], flow.client[0],
                     quote[:quoted(flow.sent(), length)])
        expect_passed(lb.send(sent), sent)


@case("icmp: quoted udp without a checksum keeps none, one computed as zero is ffff")
def quoted_zero(lb):
    for way in TRANSLATORS:
        flow = way.open(lb, proto="udp")
        none = Errors(flow, chksum=0)
        expect_out(flow, [none.into(8)])
        expect_errors(flow, [none.up(8)])
        at = transport_at(flow.sent())[1] + 6
        for make in (flow.sent, flow.forwarded):
            data = make(payload=b"\0\0")[at:at + 2]
            check(make(payload=data)[at:at + 2] == b"\xff\xff", "the case is not what it should be")
            expect_out(flow, [Errors(flow, payload=data).into(ALL)])
        for make in (flow.returned, flow.replied):
            data = make(payload=b"\0\0")[at:at + 2]
            expect_errors(flow, [Errors(flow, payload=data).up(ALL)])


@each_way("icmp: an error about none of our flows is passed as it was", WAYS)
def not_ours(lb, way, proto):
    flow = way.open(lb, proto=proto)
    frames = []
    if way.flow is Flow:
        stranger = flow.another()
        stranger.backend, stranger.snat = flow.backend, (way.via.own, 31000)
        frames.append(stranger.error_up(stranger.returned(), ALL))
    other = way.flow_to(lb, flow.service._replace(port=flow.service.port + 20000))
    other.backend, other.snat = flow.backend, flow.snat
    frames.append(other.error_up(other.returned(), ALL))
    if way.translates():
        near = flow.another(flow.client)
        near.backend, near.snat = (flow.backend[0], 8), flow.snat
        unknown = flow.another(flow.client)
        unknown.backend, unknown.snat = (way.via.backends[1], flow.backend[1]), flow.snat
        frames += [one.error_in(one.forwarded(), ALL) for one in (near, unknown)]
        # Not sent to the one whose packet it quotes.
        frames.append(error((flow.mac, lb.mac), way.family.client, way.family.vip,
                            datagram(flow.forwarded())))
    for sent in frames:
        expect_passed(lb.send(sent), sent)


@each_way("icmp: an error about a flow that is not remembered goes where its packets would",
          [way for way in WAYS if way.flow is not Flow])
def unremembered(lb, way, proto):
    service = way.service(lb, *way.via.backends, proto=proto, port=None)
    homes = set()
    for _ in range(20):
        flow = way.flow_to(lb, service)
        flow.backend, flow.snat = (way.via.backends[0], service.port), flow.client
        result = lb.send(Errors(flow).up(ALL)[0])
        check(result.verdict in SENT, "verdict %s", result.verdict)
        flow.backend = (receiver(flow, result.data), service.port)
        flow.expect(result, Errors(flow).up(ALL)[1])
        if proto == "tcp":
            home = flow.backend
            flow.learn(lb.send(flow.sent()))
            same(flow.backend, home, "where its packets go")
        homes.add(flow.backend)
    check(len(homes) > 1, "all 20 flows go to %s", homes)


def receiver(flow, data):
    """The backend that a frame is for."""
    if flow.method != "dsr":
        return target_address(data)
    return next(address for address in flow.via.backends
                if flow.balancer.macs[address] == data[:6].hex(":"))


@each_way("icmp: an error about a later fragment of ours is passed as it was", WAYS)
def quoted_fragment(lb, way, proto):
    flow = way.open(lb, proto=proto)
    packet = {"payload": bytes(400), "extensions": ("fragment",)}
    later = fragments(flow.returned(**packet), 200)[1]
    frames = [flow.error_up(later, ALL)]
    if way.translates():
        frames.append(flow.error_in(fragments(flow.forwarded(**packet), 200)[1], ALL))
    for sent in frames:
        expect_passed(lb.send(sent), sent)


@each_way("icmp: ttl 1 and 0 are dropped, but for dsr", WAYS)
def ttl(lb, way, proto):
    flow = way.open(lb, proto=proto)
    errors = Errors(flow)
    if way.flow is DsrFlow:
        expect_errors(flow, [errors.up(8, ttl=left) for left in (0, 1, 2)])
        return
    for left in (0, 1):
        frames = [errors.up(8, ttl=left + 1)[0]]
        at = network_at(frames[0]) + (8 if way.family.version == 4 else 7)
        frames = [errors.up(8, ttl=left)[0]] if left else [with_ttl(frames[0], at, 0)]
        if way.translates():
            frames.append(with_ttl(errors.into(8)[0], at, left))
        expect_dropped(lb, frames, "ttl")
    expect_errors(flow, [errors.up(8, ttl=2)])


def mended(data):
    """The frame with the IPv4 header checksum that goes with it."""
    at = network_at(data)
    if version_of(data) == 6:
        return data
    header = IP(data[at:at + 20])
    header.chksum = None
    return data[:at] + bytes(header)[:20] + data[at + 20:]


def with_ttl(data, at, ttl_left):
    return mended(data[:at] + bytes([ttl_left]) + data[at + 1:])


def with_length(data, length):
    """The frame's packet with another total length."""
    at = network_at(data)
    if version_of(data) == 4:
        return mended(data[:at + 2] + length.to_bytes(2, "big") + data[at + 4:])
    return data[:at + 4] + (length - 40).to_bytes(2, "big") + data[at + 6:]


def never_sent(lb, data):
    result = lb.send(data)
    check(result.verdict not in SENT, "%s with %s", result.verdict, result.data.hex())
    check(result.data == data, "%s, but changed: %s", result.verdict, result.data.hex())


def both(flow, length=20):
    errors = Errors(flow)
    yield errors.up(length)[0]
    if isinstance(flow, DsrFlow) or flow.overhead:
        return
    yield errors.into(length)[0]


@each_way("icmp: total length ends inside the quoted headers: not sent on", WAYS)
def short_length(lb, way, proto):
    header = 20 if way.family.version == 4 else 40
    for data in both(way.open(lb, proto=proto)):
        for length in (header, header + 7, header + 8, header + 8 + header // 2,
                       header + 8 + header, header + 8 + header + 7):
            never_sent(lb, with_length(data, length))


@each_way("icmp: total length beyond the packet: not sent on", WAYS)
def long_length(lb, way, proto):
    for data in both(way.open(lb, proto=proto)):
        size = len(data) - network_at(data)
        for more in (1, 2, 8, 1400):
            never_sent(lb, with_length(data, size + more))


@each_way("icmp: a fragmented error is not sent on", WAYS)
def fragmented(lb, way, proto):
    flow = way.open(lb, proto=proto)
    packet = {"payload": bytes(100)}
    fields = {"extensions": ("fragment",), "ip": {"id": lb.ident()}}
    frames = fragments(flow.error_up(flow.returned(**packet), ALL, **fields), 64)
    if way.translates():
        frames += fragments(flow.error_in(flow.forwarded(**packet), ALL, **fields), 64)
    for data in frames:
        never_sent(lb, data)


@each_way("icmp: what is no error is passed as it was", WAYS)
def no_errors(lb, way, proto):
    flow = way.open(lb, proto=proto)
    quote = datagram(flow.returned())
    kinds = {4: [0, 5, 9, 13, 40, 255], 6: [0, 5, 127, 129, 130, 133, 134, 135, 136, 137, 255]}
    for kind in kinds[way.family.version]:
        message = (ICMP if way.family.version == 4 else ICMPv6Unknown)(type=kind) / quote
        sent = packet_frame((flow.mac, lb.mac), flow.client[0], flow.front[0], message)
        expect_passed(lb.send(sent), sent)


@each_way("icmp: the flow lives on", WAYS)
def lives(lb, way, proto):
    flow = way.open(lb, proto=proto)
    errors = Errors(flow)
    expect_errors(flow, [errors.up(8)])
    if way.translates():
        expect_out(flow, [errors.into(8)])
    flow.go(payload=b"still")
    flow.back(payload=b"here")
