# SPDX-License-Identifier: GPL-2.0-only
"""Packets in fragments: the later ones follow the first."""
from balancer import counted
from case import case, each_way, same
from flow import TRANSLATORS, WAYS, DsrFlow, Flow, expect_dropped, expect_frame, expect_passed
from wire import TAGS, fragments

KINDS = [{"extensions": ("fragment",)},
         {"extensions": ("hop-by-hop", "routing", "fragment"), "option_words": 1},
         {"extensions": ("fragment", "destination"), "option_words": 10},
         {"extensions": ("fragment",), "tags": TAGS["one tag"]},
         {"extensions": ("fragment",), "tags": TAGS["two tags"], "trailer": b"tail"}]
SIZE = 200


def packet_of(lb, kind=0, **more):
    """A packet that becomes three fragments or more."""
    fields = {**KINDS[kind], "payload": bytes(range(200)) * 2 + bytes(101), **more}
    return {**fields, "ip": {"id": lb.ident(), **fields.get("ip", {})}}


def without_trailer(packet):
    return {name: value for name, value in packet.items() if name != "trailer"}


def expect_pieces(flow, packet, order=None):
    """All fragments of it get to the backend, in this order."""
    sent, wanted = flow.pieces(SIZE, **without_trailer(packet))
    behind = packet.get("trailer", b"")
    for at in order or range(len(sent)):
        result = flow.balancer.send(sent[at] + behind)
        flow.expect(result, wanted[at] + behind)


def expect_back_pieces(flow, packet):
    packet = without_trailer(packet)
    sent = fragments(flow.replied(**packet), SIZE)
    wanted = fragments(flow.returned(**packet), SIZE)
    for one, other in zip(sent, wanted):
        expect_frame(flow.balancer.send(one), other)


@each_way("fragments: the later follow the first, of a known flow", WAYS, both=True)
def follow(lb, way, proto):
    flow = way.open(lb, proto=proto)
    for kind in range(len(KINDS)):
        expect_pieces(flow, packet_of(lb, kind))
        expect_pieces(flow, packet_of(lb, kind), (0, 2, 1))
        expect_pieces(flow, packet_of(lb, kind, ip={"ttl": 2, "tos": 0xb9}), (0, 2, 2, 1, 0))
    if proto == "udp":
        expect_pieces(flow, packet_of(lb, chksum=0))
    flow.go(payload=b"whole again")


@each_way("fragments: the first begins a flow", WAYS)
def begins(lb, way, proto):
    flow = way.flow_to(lb, way.service(lb, proto=proto))
    before = lb.service_stats(flow.service)["new_flows"]
    packet = packet_of(lb, **flow.first_fields())
    first = fragments(flow.sent(**packet), SIZE)[0]
    flow.learn(lb.send(first))
    expect_pieces(flow, packet)
    same(lb.service_stats(flow.service)["new_flows"], before + 1, "new_flows")


@each_way("fragments: two packets of two flows at once, to two backends", WAYS)
def interleaved(lb, way, proto):
    service = way.service(lb, *way.via.backends[:2], proto=proto)
    flows = [way.flow_to(lb, service).establish() for _ in range(2)]
    packets = [packet_of(lb) for _ in flows]
    cut = [flow.pieces(SIZE, **packet) for flow, packet in zip(flows, packets)]
    same(len({flow.backend for flow in flows}), 2, "how many backends two flows have")
    for at in range(len(cut[0][0])):
        for flow, (sent, wanted) in zip(flows, cut):
            flow.expect(lb.send(sent[at]), wanted[at])


@each_way("fragments: of replies, the later follow the first", TRANSLATORS)
def replies(lb, way, proto):
    flow = way.open(lb, proto=proto)
    for kind in range(len(KINDS)):
        expect_back_pieces(flow, packet_of(lb, kind))
    expect_back_pieces(flow, packet_of(lb, ip={"ttl": 2}))


@each_way("fragments: one that comes before its first is dropped and counted", WAYS)
def out_of_order(lb, way, proto):
    flow = way.open(lb, proto=proto)

    def later(packets):
        return [data for packet in packets
                for data in flow.pieces(SIZE, **without_trailer(packet))[0][1:]]

    packets = [packet_of(lb, kind) for kind in range(len(KINDS))]
    expect_dropped(lb, later(packets), "fragment")
    for packet in packets:
        expect_pieces(flow, packet)
    expect_dropped(lb, later(packet_of(lb, kind) for kind in range(len(KINDS))), "fragment")


@each_way("fragments: a time to live that ends is dropped, but for dsr", WAYS)
def ttl(lb, way, proto):
    flow = way.open(lb, proto=proto)
    packet = packet_of(lb)
    ends = {**packet, "ip": {**packet["ip"], "ttl": 1}}
    sent = flow.pieces(SIZE, **ends)[0]
    if way.flow is DsrFlow:
        expect_pieces(flow, ends)
        return
    expect_dropped(lb, sent[:1], "ttl")
    expect_pieces(flow, packet)
    expect_dropped(lb, sent[1:], "ttl")
    if way.translates():
        expect_back_pieces(flow, packet)
        expect_dropped(lb, fragments(flow.replied(**ends), SIZE), "ttl")


@each_way("fragments: for the service's address but no service, passed as they were", WAYS)
def no_service(lb, way, proto):
    service = way.service(lb, proto=proto)
    flow = way.flow_to(lb, service._replace(port=service.port + 20000))
    packet = packet_of(lb)
    before = lb.stats()
    sent = fragments(flow.sent(**packet), SIZE)
    for data in sent:
        expect_passed(lb.send(data), data)
    after = lb.stats()
    same(counted(before, after, "passed"), {"fragment": len(sent) - 1}, "what is counted")
    same(counted(before, after, "drops"), {}, "what the drops grew by")


@each_way("fragments: for another address, passed as they were in any order", WAYS)
def elsewhere(lb, way, proto):
    service = way.service(lb, proto=proto)
    address = {4: "192.0.2.99", 6: "2001:db8::99"}[way.family.version]
    for target in (address, way.family.own):
        flow = way.flow_to(lb, service._replace(address=target))
        for data in reversed(fragments(flow.sent(**packet_of(lb)), SIZE)):
            expect_passed(lb.send(data), data)


@each_way("fragments: tcp of no flow and no syn, passed as they were, or all to one backend", WAYS,
          protos=("tcp",))
def no_flow(lb, way, _proto):
    flow = way.flow_to(lb, way.service(lb, *way.via.backends))
    if way.flow is not Flow:
        flow.learn(lb.send(flow.sent()))
        expect_pieces(flow, packet_of(lb))
        return
    for data in fragments(flow.sent(**packet_of(lb)), SIZE):
        expect_passed(lb.send(data), data)


@each_way("fragments: of replies that are nobody's, passed as they were", TRANSLATORS)
def strange_replies(lb, way, proto):
    flow = way.open(lb, proto=proto)
    known = packet_of(lb)
    expect_back_pieces(flow, known)
    for data in fragments(flow.replied(**packet_of(lb)), SIZE)[1:]:
        expect_passed(lb.send(data), data)
    flow.backend = (way.via.backends[1], flow.backend[1])
    for data in fragments(flow.replied(**packet_of(lb)), SIZE):
        expect_passed(lb.send(data), data)


@case("fragments: other identification, protocol or source: not of the same packet")
def keys(lb):
    for way in TRANSLATORS:
        flow = way.open(lb, proto="udp")
        packet = packet_of(lb)
        expect_pieces(flow, packet)
        other = way.open(lb, proto="tcp")
        near = flow.another(("10.71.0.3" if way.family.version == 4 else "fd71::3", 40000))
        near.backend, near.snat = flow.backend, flow.snat
        strange = {**packet, "ip": {**packet["ip"], "id": lb.ident()}}
        strangers = [(near, packet), (flow, strange)]
        if way.family.version == 4:  # RFC 8200 does not tell IPv6's fragments by protocol
            strangers.append((other, packet))
        for one, described in strangers:
            expect_dropped(lb, fragments(one.sent(**described), SIZE)[1:], "fragment")
        expect_pieces(flow, packet)
