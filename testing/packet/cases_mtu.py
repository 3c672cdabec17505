# SPDX-License-Identifier: GPL-2.0-only
"""Packets that do not fit the way out: answered with the size that does."""
import time

from balancer import MTU, NARROW, counted, run
from case import case, check, each_way, same
from flow import SENT, TRANSLATORS, TUNNELS, WAYS, expect_dropped, expect_passed
from wire import TAGS, addresses, datagram, error, fragments, network_at, packet_end, transport_at

QUOTED = 128
LOOKED_UP = 1.1  # seconds after which the program asks for its ways anew
SHORTEST = 20 + 8 + QUOTED  # an IPv4 packet of which the answer fits into the frame
ANSWER = {"id": 0}  # the fields of its IP header
LEAST = {4: 552, 6: 1280}  # as the kernel does
OPTIONS = [{}, {"option_words": 1, "extensions": ("hop-by-hop",)},
           {"option_words": 10, "extensions": ("destination", "routing", "ah")},
           {"tags": TAGS["one tag"]}, {"tags": TAGS["two tags"]}, {"trailer": b"behind"},
           {"ip": {"flags": "DF", "tos": 0xb9, "ttl": 2}}]


def sized(make, length, **packet):
    """A packet's description with which its IP packet is so long."""
    data = make(**packet)
    return {**packet, "payload": bytes(length - (packet_end(data) - network_at(data)))}


def answer_to(data, mtu, tags=()):
    """What must be said of the frame: as long as it was, its end is padding."""
    version = data[network_at(data)] >> 4
    limit = {"type": 3, "code": 4, "nexthopmtu": mtu} if version == 4 else \
        {"type": 2, "mtu": max(mtu, LEAST[6])}
    macs = data[:6].hex(":"), data[6:12].hex(":")
    source, target = addresses(data)
    return error(macs, target, source, datagram(data)[:QUOTED], tags=tags, ip=ANSWER, **limit)


def expect_answer(result, data, mtu, tags=()):
    check(result.verdict in SENT, "verdict %s, should be an answer: %s", result.verdict,
          data.hex())
    same(len(result.data), len(data), "the answer's length")
    wanted = answer_to(data, mtu, tags)
    same(result.data[:len(wanted)].hex(), wanted.hex(), "the answer")


def expect_limit(flow, limit):
    """Packets from the client of more than limit bytes are answered."""
    lb = flow.balancer
    before = lb.stats()
    count = 0
    for packet in OPTIONS:
        flow.go(**sized(flow.sent, limit, **packet))
        for length, linear in ((limit + 1, None), (limit + 1, 200), (MTU, 200)):
            data = flow.sent(**sized(flow.sent, length, **packet))
            expect_answer(lb.send(data, linear), data, limit, packet.get("tags", ()))
            count += 1
    after = lb.stats()
    same(counted(before, after, "answers"), {"too_big": count}, "what is counted")
    same(counted(before, after, "verdicts"), {"tx": count + len(OPTIONS)}, "the verdicts")
    same(counted(before, after, "drops"), {}, "the drops")


def narrow(lb, way, proto, own=False):
    return way.open(lb, way.via.narrow, proto=proto, own=own)


@each_way("mtu of the route: longer packets are answered with it", WAYS, both=True)
def route(lb, way, proto):
    flow = narrow(lb, way, proto)
    expect_limit(flow, NARROW - flow.overhead)
    flow.go(payload=b"still")


@each_way("mtu of the interface: longer packets are answered with it", WAYS)
def interface(lb, way, proto):
    flow = way.open(lb, proto=proto)
    limit = MTU - flow.overhead
    flow.go(**sized(flow.sent, limit))
    if limit < MTU:
        data = flow.sent(**sized(flow.sent, limit + 1))
        expect_answer(lb.send(data), data, limit)


@each_way("mtu: the packet that would begin a flow is answered, the next begins it", WAYS)
def first(lb, way, proto):
    flow = way.flow_to(lb, way.service(lb, way.via.narrow, proto=proto))
    data = flow.sent(**sized(flow.sent, NARROW + 1, **flow.first_fields()))
    expect_answer(lb.send(data), data, NARROW - flow.overhead)
    flow.open()


@each_way("mtu: replies that do not fit are answered", TRANSLATORS)
def replies(lb, way, proto):
    flow = way.open(lb, proto=proto, client=(way.family.narrow_client, lb.client_port()),
                    mac="02:00:00:00:00:22")
    for packet in OPTIONS:
        flow.back(**sized(flow.replied, NARROW, **packet))
        for length in (NARROW + 1, MTU):
            data = flow.replied(**sized(flow.replied, length, **packet))
            expect_answer(lb.send(data), data, NARROW, packet.get("tags", ()))


@each_way("mtu: what is longer than the interface it came by was joined by GRO, and goes", WAYS)
def joined(lb, way, proto):
    flow = narrow(lb, way, proto)
    flow.go_all([sized(flow.sent, MTU + 1), sized(flow.sent, 20000)])
    if way.translates():
        flow.back(**sized(flow.replied, MTU + 1))


@each_way("mtu: later fragments that do not fit are dropped, first ones are answered", WAYS)
def later(lb, way, proto):
    flow = narrow(lb, way, proto)
    packet = {"extensions": ("fragment",), "payload": bytes(6000), "ip": {"id": lb.ident()}}
    small = fragments(flow.sent(**packet), 400)
    large = fragments(flow.sent(**packet), 2000)
    flow.expect(lb.send(small[0]), fragments(flow.forwarded(**packet), 400)[0])
    expect_dropped(lb, large[1:2], "too_big")
    expect_answer(lb.send(large[0]), large[0], NARROW - flow.overhead)


@each_way("mtu: icmp errors that do not fit are dropped, not answered", WAYS)
def errors(lb, way, proto):
    flow = narrow(lb, way, proto)
    header = {4: 20, 6: 40}[way.family.version]
    returned = flow.returned(payload=bytes(2000))
    for more, fits in ((0, True), (1, False)):
        length = NARROW - flow.overhead + more - header - 8
        sent = flow.error_up(returned, length)
        if fits:
            quote = flow.replied(payload=bytes(2000), ip={"ttl": 63})
            flow.expect(lb.send(sent), flow.error_down(quote, length))
        else:
            expect_dropped(lb, [sent], "too_big")


@each_way("mtu: packets too short to hold the answer are dropped", WAYS)
def short(lb, way, proto):
    if way.family.version == 6 or way.via.version == 6:
        return  # 1280 is the least that IPv6 can be set to
    run("ip", "route", "replace", way.via.narrow, "dev", "eth0", "mtu", "lock", "100")
    try:
        flow = narrow(lb, way, proto, own=True)
        for length in (101, SHORTEST - 1):
            expect_dropped(lb, [flow.sent(**sized(flow.sent, length))], "too_big")
        data = flow.sent(**sized(flow.sent, SHORTEST))
        expect_answer(lb.send(data), data, 100 - flow.overhead)
    finally:
        run("ip", "route", "replace", way.via.narrow, "dev", "eth0", "mtu", "lock", str(NARROW))


@case("mtu: no more answers a second than are allowed, the rest dropped")
def rate(lb):
    flow = narrow(lb, WAYS[0], "tcp")
    data = flow.sent(**sized(flow.sent, NARROW + 1))
    try:
        for allowed in (7, 0):
            run("xdplb-config", "set", f"icmp-rate={allowed}")
            time.sleep(1.05)
            before, began = lb.stats(), time.monotonic()
            verdicts = [result.verdict for result in lb.send_all([data] * 200)]
            seconds = int(time.monotonic() - began) + 2  # that it may have seen begin
            after = lb.stats()
            answers = len(verdicts) - verdicts.count("DROP")
            check(allowed <= answers <= seconds * allowed, "%d answers, %d are allowed a second",
                  answers, allowed)
            same(counted(before, after, "answers"), {"too_big": answers} if answers else {},
                 "answers counted")
            same(counted(before, after, "drops"), {"too_big": 200 - answers}, "drops counted")
    finally:
        run("xdplb-config", "set", f"icmp-rate={10**6}")


# ---- what routers say of a tunnel's way --------------------------------------------------


def limit_error(flow, mtu, quote, source=None):
    """A router's word about a frame of ours to the backend."""
    version = flow.via.version
    limit = {"type": 3, "code": 4, "nexthopmtu": mtu} if version == 4 else {"type": 2, "mtu": mtu}
    return error((flow.backend_mac(), flow.balancer.mac), source or flow.via.router,
                 flow.outside.source, quote, **limit)


def tunnel(lb, way, proto):
    """A flow wrapped with a source that errors come back to; and a frame of it."""
    snat = way.via.snats[0]
    flow = way.open(lb, proto=proto, options=["--snat", snat], snats=(snat,), own=True)
    packet = sized(flow.sent, 1900, ip={"flags": "DF"})
    return flow, datagram(flow.wrap(flow.forwarded(**packet), b""))


def least(way, more):
    """The least that an error about the way quotes: 8 bytes behind the IP header."""
    return {4: 28, 6: 48}[way.via.version] + more


@case("mtu of a tunnel's way is learned of routers, who are passed on", program="xdplb_encap")
def learned(lb):
    flows = [(way, *tunnel(lb, way, proto)) for way in TUNNELS for proto in ("tcp", "udp")]
    for mtu, more in ((1700, 0), (1300, 20), (100, 500)):
        for way, flow, quote in flows:
            for said in (mtu, 60000):  # nobody is believed that more fits again
                sent = limit_error(flow, said, quote[:least(way, more)])
                expect_passed(lb.send(sent), sent)
        time.sleep(LOOKED_UP)
        for way, flow, _ in flows:
            longest = {4: 28, 6: 48}[way.via.version]  # of gue, which may have the same backend
            limit = max(mtu, LEAST[way.family.version] + longest) - flow.overhead
            flow.go(**sized(flow.sent, limit))
            data = flow.sent(**sized(flow.sent, limit + 1))
            expect_answer(lb.send(data), data, limit)


def no_limits(lb, way, flow, quote):
    """Errors that say nothing of the way of the flow's backend."""
    other = way.flow_to(lb, flow.service, snats=flow.snats)
    other.outside, other.backend = flow.outside, (way.via.backends[1], flow.service.port)
    strange = datagram(other.wrap(flow.forwarded(ip={"flags": "DF"}), b""))
    yield limit_error(flow, 1300, strange)
    yield limit_error(flow, 1300, quote[:least(way, -1)])
    yield limit_error(flow, 0, quote)[:-1000]
    whole = limit_error(flow, 1300, quote)
    number = 9 if way.via.version == 4 else 6  # where headers say what follows
    for at in (network_at(whole) + number, transport_at(whole)[1] + 8 + number):
        yield whole[:at] + b"\x84" + whole[at + 1:]
    for kind in ((3, 3), (11, 0)) if way.via.version == 4 else ((1, 4), (3, 0)):
        yield error((flow.backend_mac(), lb.mac), way.via.router, flow.outside.source, quote,
                    type=kind[0], code=kind[1])


@case("mtu of a tunnel's way is not learned of what is no such error", program="xdplb_encap")
def not_learned(lb):
    flows = [(way, *tunnel(lb, way, proto)) for way in TUNNELS for proto in ("tcp", "udp")]
    for way, flow, quote in flows:
        for sent in no_limits(lb, way, flow, quote):
            expect_passed(lb.send(sent), sent)
    time.sleep(LOOKED_UP)
    for _, flow, _ in flows:
        flow.go(**sized(flow.sent, 1900))
