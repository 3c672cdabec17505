# SPDX-License-Identifier: GPL-2.0-only
"""To the backend and back, byte for byte."""
import random

from balancer import BACKENDS, CLIENT, CLIENT_MAC, OWN
from case import case, check, same
from flow import Flow, expect_frame
from wire import datagram, ports

TCP_OPTIONS = [("MSS", 1460), ("SAckOK", b""), ("Timestamp", (0x01020304, 0)), ("NOP", None),
               ("WScale", 7)]
SNATS = ("10.71.0.50", "10.71.0.51")


def payload(length, seed=1):
    return random.Random(seed * 65536 + length).randbytes(length)


def both_ways(flow, **packet):
    flow.go(**packet)
    flow.back(**packet)


@case("forward tcp: syn, ack, data, both ways, options of every length", "tcp")
@case("forward udp: both ways", "udp")
def forward(lb, proto):
    flow = Flow(lb, lb.service(f"{BACKENDS[0]}:8080", proto=proto)).open()
    same(flow.backend, (BACKENDS[0], 8080), "the backend")
    if proto == "tcp":
        flow.back(flags="SA", seq=0xdeadbeef, ack=1, options=TCP_OPTIONS)
        both_ways(flow, flags="PA", seq=2**32 - 1, ack=7, window=17, urgptr=3, options=TCP_OPTIONS,
                  payload=payload(100))
        for words in range(11):
            both_ways(flow, options=[("NOP", None)] * 4 * words, payload=b"xyz")
    both_ways(flow, payload=payload(100))
    both_ways(flow, payload=payload(100), ip={"tos": 0xb9, "ttl": 255, "flags": "DF", "id": 0})
    both_ways(flow, payload=payload(100), ip={"ttl": 2, "id": 0xffff})


@case("forward tcp: own address, the service's port at the backend", "tcp")
@case("forward udp: own address, the service's port at the backend", "udp")
def own_address(lb, proto):
    flow = Flow(lb, lb.service(BACKENDS[1], proto=proto, address=OWN)).open()
    same(flow.backend, (BACKENDS[1], flow.service.port), "the backend")
    both_ways(flow, payload=b"hello")


@case("payload tcp: every length 0 to 64, odd and large ones", "tcp")
@case("payload udp: every length 0 to 64, odd and large ones", "udp")
def lengths(lb, proto):
    flow = Flow(lb, lb.service(f"{BACKENDS[0]}:81", proto=proto)).establish()
    packets = [{"payload": payload(n)} for n in [*range(65), 511, 1000, 1447, 1448]]
    for result, packet in zip(lb.send_all([flow.sent(**p) for p in packets]), packets):
        expect_frame(result, flow.forwarded(**packet))
    for result, packet in zip(lb.send_all([flow.replied(**p) for p in packets]), packets):
        expect_frame(result, flow.returned(**packet))


@case("trailer: bytes behind the IP packet stay, tcp", "tcp")
@case("trailer: bytes behind the IP packet stay, udp", "udp")
def trailers(lb, proto):
    flow = Flow(lb, lb.service(f"{BACKENDS[0]}:82", proto=proto)).establish()
    for length in (1, 6, 7, 46):
        both_ways(flow, payload=b"a", trailer=payload(length))


@case("ip options: headers of 24 to 60 bytes, tcp", "tcp")
@case("ip options: headers of 24 to 60 bytes, udp", "udp")
def ip_options(lb, proto):
    flow = Flow(lb, lb.service(f"{BACKENDS[0]}:83", proto=proto)).establish()
    for words in range(1, 11):
        both_ways(flow, option_words=words, payload=b"opt")
    flow = Flow(lb, flow.service, (CLIENT, 41000))
    first = {"flags": "S"} if proto == "tcp" else {}
    sent = flow.sent(option_words=10, **first)
    same(len(datagram(sent)), 80 if proto == "tcp" else 68, "the packet with most options")
    result = lb.send(sent)
    expect_frame(result, flow.learn(result).forwarded(option_words=10, **first))


@case("udp: no checksum stays none")
def udp_no_checksum(lb):
    flow = Flow(lb, lb.service(f"{BACKENDS[0]}:84", proto="udp")).open()
    both_ways(flow, chksum=0, payload=b"none")


def zero_sum_payload(make):
    """Two bytes of payload with which the checksum of make(payload) is computed as zero."""
    data = make(b"\0\0")
    at = 14 + (data[14] & 15) * 4
    at += 6 if data[23] == 17 else 16
    return data[at:at + 2]


@case("udp: a computed zero is sent as ffff, forward and back")
def udp_zero(lb):
    flow = Flow(lb, lb.service(f"{BACKENDS[0]}:85", proto="udp")).open()
    there = zero_sum_payload(lambda data: flow.forwarded(payload=data))
    check(flow.forwarded(payload=there)[40:42] == b"\xff\xff", "the case is not what it should be")
    flow.go(payload=there)
    back = zero_sum_payload(lambda data: flow.returned(payload=data))
    check(flow.returned(payload=back)[40:42] == b"\xff\xff", "the case is not what it should be")
    flow.back(payload=back)


@case("udp: a checksum of ffff that comes in is changed rightly")
def udp_ones(lb):
    flow = Flow(lb, lb.service(f"{BACKENDS[0]}:86", proto="udp")).open()
    there = zero_sum_payload(lambda data: flow.sent(payload=data))
    check(flow.sent(payload=there)[40:42] == b"\xff\xff", "the case is not what it should be")
    flow.go(payload=there)


@case("tcp: checksum zero comes in, goes out")
def tcp_zero(lb):
    flow = Flow(lb, lb.service(f"{BACKENDS[0]}:87")).establish()
    for make in (flow.sent, flow.forwarded):
        data = zero_sum_payload(lambda data: make(payload=data))
        check(make(payload=data)[50:52] == b"\0\0", "the case is not what it should be")
        flow.go(payload=data)


@case("ip: checksum zero comes in, goes out, with every TTL")
def ip_zero(lb):
    flow = Flow(lb, lb.service(f"{BACKENDS[0]}:88")).establish()
    for make in (flow.sent, flow.forwarded):
        ident = int.from_bytes(make(ip={"id": 0})[24:26], "big")
        check(make(ip={"id": ident})[24:26] == b"\0\0", "the case is not what it should be")
        flow.go(ip={"id": ident})
    for ttl in (2, 3, 63, 127, 128, 129, 254, 255):
        expect_frame(lb.send(flow.sent(ip={"ttl": ttl})), flow.forwarded(ip={"ttl": ttl}))


@case("checksums: 800 random packets", 800)
def random_packets(lb, count):
    draw = random.Random(7)
    for proto in ("tcp", "udp"):
        flow = Flow(lb, lb.service(f"{BACKENDS[0]}:89", proto=proto)).establish()
        packets = [{"payload": draw.randbytes(draw.randrange(40)),
                    "ip": {"id": draw.randrange(65536), "tos": draw.randrange(256)}}
                   for _ in range(count // 4)]
        for result, packet in zip(lb.send_all([flow.sent(**p) for p in packets]), packets):
            expect_frame(result, flow.forwarded(**packet))
        for result, packet in zip(lb.send_all([flow.replied(**p) for p in packets]), packets):
            expect_frame(result, flow.returned(**packet))


@case("two clients with the same source port, and one with two", "tcp")
@case("two clients with the same source port, and one with two: udp", "udp")
def same_source_port(lb, proto):
    service = lb.service(f"{BACKENDS[0]}:90", proto=proto)
    clients = [((CLIENT, 5000), CLIENT_MAC), (("10.71.0.3", 5000), "02:00:00:00:00:03"),
               ((CLIENT, 5001), CLIENT_MAC)]
    flows = [Flow(lb, service, client, mac).establish() for client, mac in clients]
    same(len({flow.snat for flow in flows}), 3, "how many source ports three flows have")
    for flow in flows:
        both_ways(flow, payload=b"mine")


@case("one client, two services: one backend port, two source ports")
def shared_backend(lb):
    flows = [Flow(lb, lb.service(f"{BACKENDS[0]}:91")).establish() for _ in range(2)]
    same(len({flow.snat for flow in flows}), 2, "how many source ports two flows have")
    for flow in flows:
        both_ways(flow, payload=b"mine")


@case("--snat: the address is used, and its replies are known", 92, SNATS[:1])
@case("--snat: flows are spread over two addresses, their replies known", 96, SNATS)
def snat(lb, port, addresses):
    service = lb.service(f"{BACKENDS[0]}:{port}",
                         options=[word for one in addresses for word in ("--snat", one)])
    flows = [Flow(lb, service, (CLIENT, 6000 + i), snats=addresses).establish() for i in range(32)]
    same(sorted({flow.snat[0] for flow in flows}), list(addresses), "the source addresses")
    for flow in flows:
        both_ways(flow, payload=b"snat")


@case("fragmented buffers: only the headers are linear, tcp", "tcp")
@case("fragmented buffers: only the headers are linear, udp", "udp")
def buffers(lb, proto):
    flow = Flow(lb, lb.service(f"{BACKENDS[0]}:93", proto=proto)).establish()
    for linear in (80, 200):
        packet = {"payload": payload(9000)}
        expect_frame(lb.send(flow.sent(**packet), linear), flow.forwarded(**packet))
        expect_frame(lb.send(flow.replied(**packet), linear), flow.returned(**packet))


@case("a datagram through the port of another flow's is no reply of it")
def wrong_reply(lb):
    flow = Flow(lb, lb.service(f"{BACKENDS[0]}:94")).establish()
    other = Flow(lb, flow.service)
    other.backend = flow.backend
    unused = 1024 if ports(flow.forwarded())[0] != 1024 else 1025
    for backend, snat in (((BACKENDS[1], 94), flow.snat), ((BACKENDS[0], 95), flow.snat),
                          (flow.backend, (OWN, unused)),
                          (flow.backend, (SNATS[0], flow.snat[1]))):
        other.backend, other.snat = backend, snat
        reply = other.replied(payload=b"stray")
        result = lb.send(reply)
        same((result.verdict, result.data), ("PASS", reply), f"a stray reply from {backend}")
