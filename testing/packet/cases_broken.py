# SPDX-License-Identifier: GPL-2.0-only
"""Cut short, contradictory, from nobody: never a rewrite that is not right."""
from balancer import BACKENDS, CLIENT, VIP, counted
from case import case, check, same
from flow import SENT, Flow, expect_dropped, expect_frame, expect_passed
from wire import word_sum


def flow_of(lb, proto, port=8200):
    return Flow(lb, lb.service(f"{BACKENDS[0]}:{port}", proto=proto)).establish()


def kinds(flow):
    """A frame of each kind that would be rewritten, were it whole."""
    return {
        "forward": flow.sent(payload=b"payload"),
        "forward with options": flow.sent(option_words=10, payload=b"payload"),
        "reply": flow.replied(payload=b"payload"),
        "error to the client": flow.error_in(flow.forwarded(payload=b"payload"), 1500),
        "error to the backend": flow.error_up(flow.returned(payload=b"payload"), 1500),
    }


def expect_untouched(lb, frames):
    """Each is passed as it is, or dropped and counted by name."""
    before = lb.stats()
    results = lb.send_all(frames)
    after = lb.stats()
    for result, sent in zip(results, frames):
        check(result.verdict in ("PASS", "DROP"), "%s of %d bytes: %s", result.verdict, len(sent),
              result.data.hex())
        check(result.data == sent, "%s, but changed: %s", result.verdict, result.data.hex())
    drops = sum(result.verdict == "DROP" for result in results)
    same(sum(counted(before, after, "drops").values()), drops, "drops counted by name")


for proto_name in ("tcp", "udp"):
    for kind_name in ("forward", "forward with options", "reply", "error to the client",
                      "error to the backend"):
        @case(f"cut short at every length: {proto_name} {kind_name}", proto_name, kind_name)
        def cut(lb, proto, kind):
            whole = kinds(flow_of(lb, proto))[kind]
            check(lb.send(whole).verdict in SENT, "not sent even whole")
            expect_untouched(lb, [whole[:length] for length in range(14, len(whole))])


@case("cut short, the first packet of a flow: no flow begins")
def cut_syn(lb):
    flow = Flow(lb, lb.service(BACKENDS[0]))
    whole = flow.first()
    expect_untouched(lb, [whole[:length] for length in range(14, len(whole))])
    same(lb.service_stats(flow.service)["new_flows"], 0, "new_flows")


# ---- lengths that contradict each other ------------------------------------------


def patched(data, at, value):
    """The frame with these bytes, and the IP checksum that goes with them."""
    data = data[:at] + value + data[at + len(value):]
    total = word_sum(data[14:24] + data[26:34])
    return data[:24] + (0xffff - total).to_bytes(2, "big") + data[26:]


def each_way(lb, proto):
    """A frame of a flow each way, and the first of another flow."""
    flow = flow_of(lb, proto, 8201)
    new = Flow(lb, flow.service, (CLIENT, 45000))
    return [flow.sent(payload=b"payload"), flow.replied(payload=b"payload"), new.first()]


@case("wrong ihl: 0 to 4, and beyond the packet: passed as it was", "tcp")
@case("wrong ihl: 0 to 4, and beyond the packet: passed as it was, udp", "udp")
def ihl(lb, proto):
    for data in each_way(lb, proto):
        data = data[:14 + 28 if proto == "udp" else 14 + 40]
        for words in (0, 1, 2, 3, 4, 15):
            sent = data[:14] + bytes([0x40 | words]) + data[15:]
            expect_passed(lb.send(sent), sent)


@case("wrong total length: too small, too large, tcp", "tcp", 40)
@case("wrong total length: too small, too large, udp", "udp", 28)
def total_length(lb, proto, headers):
    for data in each_way(lb, proto):
        size = len(data) - 14
        lengths = (0, 1, 19, 20, headers - 1, size + 1, size + 100, 65535)
        expect_dropped(lb, [patched(data, 16, length.to_bytes(2, "big")) for length in lengths],
                       "bad_header")


@case("wrong tcp data offset: 0 to 4, and beyond the packet")
def data_offset(lb):
    for data in each_way(lb, "tcp"):
        expect_dropped(lb, [data[:46] + bytes([words << 4]) + data[47:] for words in (0, 1, 4, 15)],
                       "bad_header")


@case("wrong udp length: 0 to 7, and beyond the packet")
def udp_length(lb):
    for data in each_way(lb, "udp"):
        size = len(data) - 34
        lengths = (0, 1, 7, size + 1, size + 100, 65535)
        expect_dropped(lb, [data[:38] + length.to_bytes(2, "big") + data[40:]
                            for length in lengths], "bad_header")


@case("total length in fragmented buffers: too large is dropped")
def buffers_length(lb):
    flow = flow_of(lb, "tcp", 8202)
    data = flow.sent(payload=bytes(4000))
    too_long = patched(data, 16, (len(data) - 13).to_bytes(2, "big"))
    expect_dropped(lb, [too_long], "bad_header", 100)


@case("udp length less than the packet's: the checksum is still right")
def udp_short(lb):
    flow = flow_of(lb, "udp", 8203)
    fields = {"len": 12, "payload": b"data", "ip": {"len": 20 + 12 + 6}, "trailer": b"behind"}
    expect_frame(lb.send(flow.sent(**fields)), flow.forwarded(**fields))


# ---- fields that nobody can mean ----------------------------------------------


@case("source port 0 is dropped, to port 0 is not for us", "tcp")
@case("source port 0 is dropped, to port 0 is not for us, udp", "udp")
def port_zero(lb, proto):
    service = lb.service(BACKENDS[0], proto=proto)
    expect_dropped(lb, [Flow(lb, service, (CLIENT, 0)).first()], "bad_header")
    nowhere = Flow(lb, service._replace(port=0)).first()
    expect_passed(lb.send(nowhere), nowhere)


NOBODIES = ["0.0.0.0", "0.1.2.3", "127.0.0.1", "127.255.255.254", "224.0.0.1", "239.255.255.255",
            "240.0.0.1", "255.255.255.255", VIP]


@case("a source that nobody can answer to is dropped", "tcp")
@case("a source that nobody can answer to is dropped, udp", "udp")
def nobody(lb, proto):
    service = lb.service(BACKENDS[0], proto=proto)
    clients = [(source, 4000) for source in NOBODIES] + [(VIP, service.port)]
    expect_dropped(lb, [Flow(lb, service, client).first() for client in clients], "bad_source")
    same(lb.service_stats(service)["new_flows"], 0, "new_flows")
    for source in ("1.0.0.1", "126.255.255.255", "128.0.0.1", "223.255.255.255"):
        Flow(lb, service, (source, 4000)).open()


@case("ttl 0 and 1 are dropped, both ways and for a new flow", "tcp")
@case("ttl 0 and 1 are dropped, both ways and for a new flow, udp", "udp")
def ttl(lb, proto):
    flow = flow_of(lb, proto, 8204)
    new = Flow(lb, flow.service, (CLIENT, 45001))
    first = {"flags": "S"} if proto == "tcp" else {}
    for left in (0, 1):
        expect_dropped(lb, [flow.sent(ip={"ttl": left}), flow.replied(ip={"ttl": left}),
                            new.sent(ip={"ttl": left}, **first)], "ttl")
    same(lb.service_stats(flow.service)["new_flows"], 1, "new_flows")


# ---- fragments ------------------------------------------------------------------


FRAGMENTS = {"first": {"flags": "MF"}, "middle": {"flags": "MF", "frag": 185},
             "last": {"frag": 370}}


@case("fragments for a service: the first dropped, others passed as they were, tcp", "tcp")
@case("fragments for a service: the first dropped, others passed as they were, udp", "udp")
def fragments(lb, proto):
    flow = flow_of(lb, proto, 8205)
    new = Flow(lb, flow.service, (CLIENT, 45002))
    for make in (flow.sent, flow.replied, new.sent):
        expect_dropped(lb, [make(ip=FRAGMENTS["first"], payload=bytes(1400))], "fragment")
        for which in ("middle", "last"):
            before = lb.stats()
            sent = make(ip=FRAGMENTS[which], payload=bytes(1400))
            expect_passed(lb.send(sent), sent)
            same(counted(before, lb.stats(), "passed"), {"fragment": 1}, "what is counted")


@case("fragments that are not for a service are passed as they were")
def strange_fragments(lb):
    service = lb.service(BACKENDS[0])._replace(address="192.0.2.99")
    for which in FRAGMENTS.values():
        sent = Flow(lb, service).sent(ip=which, payload=bytes(1400))
        expect_passed(lb.send(sent), sent)
