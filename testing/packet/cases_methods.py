# SPDX-License-Identifier: GPL-2.0-only
"""Each method, over each family, of TCP and UDP, with tags, options and extension headers."""
import random
import time

from balancer import MTU, V4, V6, counted, endpoint, run
from case import case, check, each_way, same
from flow import (TRANSLATORS, TUNNELS, WAYS, DnatFlow, DsrFlow, Flow, GueFlow, IpipFlow,
                  expect_dropped, expect_passed)
from wire import TAGS, network_at, packet_end, source_address, transport_at

TCP_FIELDS = {"flags": "PA", "seq": 2**32 - 1, "ack": 7, "window": 17, "urgptr": 3,
              "options": [("NOP", None), ("NOP", None), ("Timestamp", (0x01020304, 5))]}
# One description for both families: IPv4 has no extension headers, IPv6 has no options.
OPTIONS = [{"option_words": words, "extensions": names} for words, names in [
    (1, ("hop-by-hop",)), (2, ("destination",)), (3, ("routing",)), (4, ("ah",)),
    (5, ("fragment",)), (9, ("hop-by-hop", "routing", "ah")),
    (10, ("hop-by-hop", "destination", "routing", "destination", "ah", "destination",
          "destination", "destination"))]]


def payload(length, seed=1):
    return random.Random(seed * 65536 + length).randbytes(length)


def packets(proto):
    """What both sides send."""
    more = TCP_FIELDS if proto == "tcp" else {}
    yield from ({"payload": payload(length)} for length in (*range(4), 1447, 8000))
    yield {"payload": payload(100), **more}
    yield from ({"payload": payload(33), "ip": ip} for ip in [
        {"ttl": 2, "tos": 0xb9, "id": 0}, {"ttl": 255, "tos": 3, "flags": "DF", "id": 0xffff},
        {"ttl": 129, "label": 0xabcde, "flags": "DF"}, {"tos": 0xff, "label": 0xfffff}])
    yield from ({"payload": payload(7), **options} for options in OPTIONS)
    yield from ({"payload": b"a", "trailer": payload(length)} for length in (1, 7, 46))
    yield {"trailer": payload(18), **OPTIONS[-1], **more}


for tags_name, tags_of in TAGS.items():
    @each_way(f"to the backend and back, {tags_name}", WAYS, tags_of, both=True)
    def matrix(lb, way, proto, tags):
        flow = way.flow_to(lb, way.service(lb, proto=proto)).open(tags=tags)
        flow.go(tags=tags)
        described = [{**packet, "tags": tags} for packet in packets(proto)]
        flow.go_all(described)
        flow.back_all(described)
        for options in OPTIONS:
            flow.another().open(tags=tags, **options)


@each_way("frames of 9000 bytes, of which the headers are linear", WAYS, both=True)
def buffers(lb, way, proto):
    flow = way.open(lb, proto=proto)
    for more in ({}, OPTIONS[0], {"tags": TAGS["two tags"]}):
        data = flow.sent(**more)
        headers = transport_at(data)[1] + (20 if proto == "tcp" else 8)
        room = MTU - flow.overhead - (headers - network_at(data))
        for length in (room, room - 1):
            flow.go_all([{"payload": payload(length), **more}], headers)
            flow.back_all([{"payload": payload(length), **more}], headers)


@each_way("checksums: random packets", WAYS)
def random_packets(lb, way, proto):
    draw = random.Random(7)
    flow = way.open(lb, proto=proto)
    described = [{"payload": draw.randbytes(draw.randrange(40)),
                  "ip": {"id": draw.randrange(65536), "tos": draw.randrange(256),
                         "label": draw.randrange(2**20)}} for _ in range(30)]
    flow.go_all(described)
    flow.back_all(described)


@each_way("ttl: 0 and 1 are dropped, but for dsr", WAYS)
def ttl(lb, way, proto):
    flow = way.open(lb, proto=proto)
    new = flow.another()
    before = lb.service_stats(flow.service)
    if way.flow is DsrFlow:
        flow.go_all([{"ip": {"ttl": left}} for left in (0, 1, 2, 255)])
        new.open(ip={"ttl": 1})
        return
    for left in (0, 1):
        frames = [flow.sent(ip={"ttl": left}), new.first(ip={"ttl": left})]
        if way.translates():
            frames.append(flow.replied(ip={"ttl": left}))
        expect_dropped(lb, frames, "ttl")
    same(lb.service_stats(flow.service), before, "the service's counters")


@each_way("counted: packets and bytes, both ways, by service and verdict", WAYS)
def counts(lb, way, proto):
    flow = way.flow_to(lb, way.service(lb, proto=proto, own=True))
    before = lb.stats()
    flow.open()
    frames = [flow.first()]
    for packet in ({"payload": payload(100)}, {"trailer": b"behind"}, {"tags": TAGS["one tag"]}):
        flow.go(**packet)
        flow.back(**packet)
        frames.append(flow.sent(**packet))
    stats = lb.service_stats(flow.service)
    replies = 3 if way.translates() else 0
    same([stats[name] for name in ("packets", "bytes", "new_flows", "active_flows")],
         [4, sum(packet_end(data) for data in frames), 1, 1], "packets, bytes, flows")
    same(stats["reply_packets"], replies, "reply_packets")
    verdicts = {"tx": 4 + replies, "pass": 3 - replies}
    same(counted(before, lb.stats(), "verdicts"), {k: v for k, v in verdicts.items() if v},
         "the verdicts")


# ---- no flow, no service -------------------------------------------------------------


@each_way("not for the service, nor of a flow: passed as it was", WAYS)
def strangers(lb, way, proto):
    flow = way.open(lb, proto=proto)
    other = way.flow_to(lb, flow.service._replace(port=flow.service.port + 20000))
    elsewhere = way.flow_to(lb, flow.service._replace(
        address={4: "192.0.2.11", 6: "2001:db8::11"}[way.family.version]))
    sent = [one.first(**more) for one in (other, elsewhere)
            for more in ({}, *OPTIONS, {"tags": TAGS["one tag"]}, {"tags": TAGS["two tags"]})]
    sent += [flow.sent(tags=((0x8100, 1), (0x8100, 2), (0x8100, 3)))]
    for result, data in zip(lb.send_all(sent), sent):
        expect_passed(result, data)


@each_way("from another backend or port, to another client: no reply, passed", TRANSLATORS)
def stray(lb, way, proto):
    service = way.service(lb, *way.via.backends[:2], proto=proto)
    flows = [way.flow_to(lb, service).establish() for _ in range(2)]
    same(len({flow.backend for flow in flows}), 2, "how many backends two flows have")
    for flow, other in (flows, reversed(flows)):
        right = flow.backend, flow.snat
        nobody = flow.snat[0], 1024 if way.flow is DnatFlow else 62000
        wrong = {(other.backend, flow.snat), (flow.backend, other.snat), (flow.backend, nobody),
                 ((flow.backend[0], 7), flow.snat),
                 ((way.via.backends[2], flow.backend[1]), flow.snat)}
        for flow.backend, flow.snat in wrong - {right, (other.backend, other.snat)}:
            data = flow.replied(payload=b"stray")
            expect_passed(lb.send(data), data)
        flow.backend, flow.snat = right
        flow.back(payload=b"right")


NO_SYN = ("A", "SA", "SF", "FA", "R", "")


@each_way("tcp without a flow and no syn: passed as it was, counted",
          [way for way in WAYS if way.flow is Flow], protos=("tcp",))
def no_flow(lb, way, _proto):
    flow = way.flow_to(lb, way.service(lb))
    before = lb.stats()
    for flags in NO_SYN:
        sent = flow.sent(flags=flags, payload=b"data")
        expect_passed(lb.send(sent), sent)
    same(counted(before, lb.stats(), "passed"), {"no_flow": len(NO_SYN)}, "what is counted")


@each_way("tcp without a flow and no syn: to the backend that its hash names, counted",
          [way for way in WAYS if way.flow is not Flow], protos=("tcp",))
def goes_home(lb, way, _proto):
    service = way.service(lb, *way.via.backends, own=True)
    homes = set()
    for _ in range(20):
        flow = way.flow_to(lb, service)
        before = lb.stats()
        flow.learn(lb.send(flow.sent(flags=NO_SYN[0])))
        flow.go_all([{"flags": flags, "payload": payload(at)} for at, flags in enumerate(NO_SYN)])
        # dnat knows replies by their flow, so it remembers from the first packet on.
        strays = 1 if way.flow is DnatFlow else len(NO_SYN) + 1
        same(lb.stats()["flows"]["stray"], before["flows"]["stray"] + strays, "stray")
        if way.flow is DnatFlow:
            flow.back(payload=b"answer")
        homes.add(flow.backend)
    check(len(homes) > 1, "all 20 flows go to %s", homes)
    remembered = 20 if way.flow is DnatFlow else 0
    same(lb.service_stats(service)["active_flows"], remembered, "active flows")


@case("ipv6: headers that lead nowhere to read are passed as they were", "tcp")
@case("ipv6: headers that lead nowhere to read are passed as they were, udp", "udp")
def unreadable(lb, proto):
    flow = WAYS[1].open(lb, proto=proto)
    chains = [("routing to do",), ("hop-by-hop", "routing to do"),
              ("destination",) * 9, ("hop-by-hop", *("destination",) * 20)]
    before = lb.stats()
    for chain in chains:
        for data in (flow.sent(extensions=chain), flow.replied(extensions=chain),
                     flow.first(extensions=chain)):
            expect_passed(lb.send(data), data)
    same(counted(before, lb.stats(), "passed"), {"unreadable": 3 * len(chains)},
         "what is counted")
    expect_passed(lb.send(flow.sent(extensions=("mobility",))), flow.sent(extensions=("mobility",)))


# ---- checksums that are special -------------------------------------------------------


@each_way("udp without a checksum keeps none", WAYS, protos=("udp",))
def udp_none(lb, way, proto):
    flow = way.open(lb, proto=proto)
    described = [{"chksum": 0, "payload": payload(length), **more} for length in (0, 1, 40, 1001)
                 for more in ({}, *OPTIONS[:3], {"tags": TAGS["one tag"]})]
    flow.go_all(described)
    flow.back_all(described)
    size = 8 + transport_at(flow.sent())[1]
    for length in (2000, 8900):
        flow.go_all([{"chksum": 0, "payload": payload(length)}], size)


def checksum_of(data):
    number, at = transport_at(data)
    at += 6 if number == 17 else 16
    return data[at:at + 2]


@each_way("checksum computed as zero: udp sends ffff, tcp zero", WAYS[:6])
def computed_zero(lb, way, proto):
    flow = way.open(lb, proto=proto)
    zero = b"\xff\xff" if proto == "udp" else b"\0\0"
    for make, go in ((flow.sent, flow.go), (flow.forwarded, flow.go), (flow.replied, flow.back),
                     (flow.returned, flow.back)):
        data = checksum_of(make(payload=b"\0\0"))
        same(checksum_of(make(payload=data)), zero, "the case's checksum")
        go(payload=data)


@each_way("outer checksum computed as zero is sent as ffff", [w for w in TUNNELS
                                                              if w.flow is GueFlow])
def outer_zero(lb, way, proto):
    service = way.service(lb, proto=proto)
    for number in range(256):
        address = f"198.18.{number}.1" if way.family is V4 else way.family.client
        flow = way.flow_to(lb, service, client=(address, lb.client_port())).open()
        packet = zero_of(flow)
        if packet:
            flow.go(**packet)
            return
    check(False, "no flow of which a packet can have it")


def zero_of(flow):
    """A packet that gets checksum ffff outside, by its flow label or length."""
    def outer(packet):
        return checksum_of(flow.wrap(flow.forwarded(**packet), b"\0" * 80))
    left = int.from_bytes(outer({"ip": {"flags": "DF"}}), "big")
    if flow.service.address == V6.vip:
        packet = {"ip": {"label": left}}
    elif left < 8000:
        packet = {"ip": {"flags": "DF"}, "payload": bytes(left)}
    else:
        return None
    same(outer(packet), b"\xff\xff", "the case's outer checksum")
    return packet


# ---- what a tunnel shows of itself ------------------------------------------------------


@each_way("tunnel: one outside for a flow, others for others", TUNNELS)
def spread(lb, way, proto):
    service = way.service(lb, proto=proto)
    networks = ("198.51.100.", "2001:db8:1::")
    clients = [(way.family.client, lb.client_port()) for _ in range(64)]
    clients += [(networks[way.family is V6] + str(i), lb.client_port()) for i in range(1, 65)]
    flows = [way.flow_to(lb, service, client=client) for client in clients]
    for flow, result in zip(flows, lb.send_all([flow.first() for flow in flows])):
        flow.learn(result)
        flow.expect(result, flow.forwarded(**flow.first_fields()))
    for flow in flows[::16]:
        flow.go_all([{"payload": payload(length)} for length in range(5)])
    for some in (flows[:64], flows[64:]):
        for what in ("source", "port", "label"):
            different = len({getattr(flow.outside, what) for flow in some})
            fixed = what == "source" and way.flow is GueFlow or some[0].outside.port is None \
                and what == "port" or way.via is V4 and what == "label"
            check(different == 1 if fixed else different > 58, "the %ss of 64 flows are %d", what,
                  different)


@each_way("tunnel: a large packet a second is from the balancer's own address",
          [way for way in TUNNELS if way.flow is IpipFlow])
def probes(lb, way, proto):
    flow = way.open(lb, proto=proto)
    flow.go()
    time.sleep(1.1)  # another second has begun
    def own(length, count):
        results = lb.send_all([flow.sent(payload=payload(length))] * count)
        return [source_address(result.data) for result in results].count(way.via.own)
    same(own(1000, 100), 0, "small packets from the balancer's own address")
    large = own(1400, 100)
    if way.via is V4:
        same(large, 0, "large packets from it, which routers of IPv4 cut up")
    else:
        check(0 < large < 20, "%d of 100 large packets are from it", large)


@each_way("tunnel: --snat is the outer source", TUNNELS)
def fixed_source(lb, way, proto):
    snat = way.via.snats[0]
    flow = way.open(lb, proto=proto, options=["--snat", snat], snats=(snat,))
    flow.go_all(list(packets(proto)))
    for _ in range(8):
        flow.another().open(ip={"flags": "DF"})


@case("gue: the port that is set, for flows that are known too", program="xdplb_encap")
def gue_port(lb):
    flows = [way.open(lb, proto="udp") for way in TUNNELS if way.flow is GueFlow]
    try:
        for number in (1, 65535, 6081):
            run("xdplb-config", "set", f"gue-port={number}")
            for flow in flows:
                flow.port = number
                flow.go(payload=b"there")
    finally:
        run("xdplb-config", "set", "gue-port=6080")


@case("ipip and gue in xdplb: dropped as no_encap, new flows and known ones")
def no_encap(lb):
    for way in TUNNELS:
        for proto in ("tcp", "udp"):
            lb.program = "xdplb_encap"
            flow = way.open(lb, proto=proto)
            lb.program = "xdplb"
            new = flow.another()
            expect_dropped(lb, [flow.sent(), new.first(), flow.sent(tags=TAGS["one tag"])],
                           "no_encap")
            lb.program = "xdplb_encap"
            flow.go(payload=b"still")


# ---- the method of a flow -----------------------------------------------------------------


def peers(way):
    return [one for one in WAYS if (one.family, one.via) == (way.family, way.via) and one != way]


@each_way("a flow keeps its method when the service's changes", [w for w in WAYS
                                                                 if w.family is w.via])
def changes(lb, way, proto):
    for other in peers(way):
        if lb.program not in other.programs():
            continue
        flow = way.open(lb, proto=proto, port=None, own=True)
        lb.set_backends(flow.service, [endpoint(way.via.backends[0])],
                        "--forward", other.flow.method)
        flow.service_changed = True
        flow.go(payload=b"as before")
        flow.back(payload=b"likewise")
        new = other.flow_to(lb, flow.service).establish()
        new.back(payload=b"answer")
        flow.go(payload=b"still")
        if other.flow is DnatFlow:
            # No reply of a flow that is dnat's: the older one is not.
            stray_reply = other.flow_to(lb, flow.service, client=flow.client)
            stray_reply.backend, stray_reply.snat = flow.backend, flow.client
            expect_passed(lb.send(stray_reply.replied()), stray_reply.replied())


# ---- other interfaces ------------------------------------------------------------------------


@each_way("in at one interface, out at another", WAYS)
def two_interfaces(lb, way, proto):
    snats = () if way.flow is IpipFlow else (way.via.beyond_own,)
    service = way.service(lb, way.via.beyond, proto=proto)
    flow = way.flow_to(lb, service, snats=snats)
    flow.near = lb.links["eth1"]["address"]
    flow.establish()
    for tags in TAGS.values():
        result = lb.send(flow.sent(tags=tags, payload=b"there"))
        same(result.verdict, "REDIRECT", "the verdict")
        flow.expect(result, flow.forwarded(tags=tags, payload=b"there"))
        reply = lb.send(flow.replied(tags=tags, payload=b"back"), interface="eth1")
        flow.expect_back(reply, {"tags": tags, "payload": b"back"})

