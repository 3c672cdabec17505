# SPDX-License-Identifier: GPL-2.0-only
"""Cut short, contradictory, from nobody: never sent on unless it is right."""
from balancer import counted
from case import check, each_way, same
from flow import SENT, WAYS, expect_dropped, expect_passed
from wire import TAGS, fragments, network_at, packet_end, transport_at, version_of, word_sum

OPTIONS = [{}, {"option_words": 10, "extensions": ("hop-by-hop", "routing", "ah")},
           {"tags": TAGS["two tags"], "option_words": 1, "extensions": ("destination",)}]


def of(ways, family):
    return [way for way in ways if way.family.version == family]


def ours(way, flow):
    """The functions that make frames of the flow's that are not just passed."""
    return (flow.sent, flow.replied) if way.translates() else (flow.sent,)


def kinds(lb, way, flow):
    """Frames that are sent on, as long as they are whole."""
    for make in ours(way, flow):
        yield from (make(payload=b"payload", **options) for options in OPTIONS)
        whole = {"payload": bytes(range(100)), "extensions": ("fragment",),
                 "ip": {"id": lb.ident()}}
        yield from fragments(make(**whole), 64)
    returned, forwarded = flow.returned(payload=b"payload"), flow.forwarded(payload=b"payload")
    for options in OPTIONS:
        yield flow.error_up(returned, 1500, **options)
        if way.translates():
            yield flow.error_in(forwarded, 1500, **options)


def expect_untouched(lb, frames):
    """Each is passed as it is, or dropped and counted by name."""
    before = lb.stats()
    results = lb.send_all(frames)
    after = lb.stats()
    for result, sent in zip(results, frames):
        check(result.verdict in ("PASS", "DROP"), "%s of %d bytes: %s became %s", result.verdict,
              len(sent), sent.hex(), result.data.hex())
        check(result.data == sent, "%s, but changed: %s to %s", result.verdict, sent.hex(),
              result.data.hex())
    drops = sum(result.verdict == "DROP" for result in results)
    same(sum(counted(before, after, "drops").values()), drops, "drops counted by name")


@each_way("cut short at every length", WAYS)
def cut(lb, way, proto):
    flow = way.open(lb, proto=proto)
    wholes = list(kinds(lb, way, flow))
    for whole, result in zip(wholes, lb.send_all(wholes)):
        check(result.verdict in SENT, "not sent even whole: %s", whole.hex())
    expect_untouched(lb, [whole[:length] for whole in wholes for length in range(14, len(whole))])


@each_way("only the first bytes are linear: right, or passed as it was", WAYS)
def linear_at(lb, way, proto):
    flow = way.open(lb, proto=proto)
    for more in ({}, flow.first_fields(), *OPTIONS[1:]):
        packet = {"payload": bytes(300), **more}
        whole = flow.sent(**packet)
        for linear in range(14, transport_at(whole)[1] + 21):
            result = lb.send(whole, linear)
            if result.verdict in SENT:
                flow.expect(result, flow.forwarded(**packet))
            else:
                expect_passed(result, whole)


@each_way("cut short, the first packet of a flow: no flow begins", WAYS)
def cut_first(lb, way, proto):
    flow = way.flow_to(lb, way.service(lb, proto=proto))
    before = lb.service_stats(flow.service)
    wholes = [flow.first(**options) for options in OPTIONS]
    expect_untouched(lb, [whole[:length] for whole in wholes for length in range(14, len(whole))])
    same(lb.service_stats(flow.service), before, "the service's counters")


# ---- lengths that contradict each other ------------------------------------------


def patched(data, at, value):
    """The frame with these bytes, and the IP checksum that goes with them."""
    data = data[:at] + value + data[at + len(value):]
    start = network_at(data)
    if version_of(data) == 6:
        return data
    header = data[start:start + (data[start] & 15) * 4]
    total = word_sum(header[:10] + header[12:])
    return data[:start + 10] + (0xffff - total).to_bytes(2, "big") + data[start + 12:]


def each_frame(lb, way, proto, **packet):
    """Frames of a flow each way, and the first of another flow."""
    flow = way.open(lb, proto=proto)
    return [*(make(payload=b"payload", **packet) for make in ours(way, flow)),
            flow.another().first(**packet)]


@each_way("wrong ihl: 0 to 4, and beyond the packet: passed as it was", of(WAYS, 4))
def ihl(lb, way, proto):
    for data in each_frame(lb, way, proto):
        data = data[:14 + 28 if proto == "udp" else 14 + 40]
        for words in (0, 1, 2, 3, 4, 15):
            sent = data[:14] + bytes([0x40 | words]) + data[15:]
            expect_passed(lb.send(sent), sent)


@each_way("wrong version: passed as it was", WAYS)
def wrong_version(lb, way, proto):
    for data in each_frame(lb, way, proto):
        for number in (0, 4, 5, 6, 15):
            if number != way.family.version:
                sent = data[:14] + bytes([number << 4 | data[14] & 15]) + data[15:]
                expect_passed(lb.send(sent), sent)


@each_way("wrong length of an extension header: beyond the packet, passed or dropped",
          of(WAYS, 6))
def extension_length(lb, way, proto):
    for name in ("hop-by-hop", "destination", "routing", "ah"):
        expect_untouched(lb, [data[:55] + bytes([length]) + data[56:]
                              for data in each_frame(lb, way, proto, extensions=(name,))
                              for length in (20, 40, 100, 255)])


@each_way("wrong total length: too small, too large", WAYS)
def total_length(lb, way, proto):
    wrong = []
    for options in OPTIONS:
        for data in each_frame(lb, way, proto, **options):
            start = network_at(data)
            headers = transport_at(data)[1] + (20 if proto == "tcp" else 8)
            header, at = (0, start + 2) if way.family.version == 4 else (40, start + 4)
            size, least = len(data) - start - header, headers - start - header
            lengths = (0, 1, 19, least - 1, size + 1, size + 100, 65535 - header, 65535)
            wrong += [patched(data, at, length.to_bytes(2, "big")) for length in lengths]
    expect_dropped(lb, wrong, "bad_header")


@each_way("wrong total length of a later fragment: not sent on", WAYS)
def fragment_length(lb, way, proto):
    flow = way.open(lb, proto=proto)
    for make in ours(way, flow):
        packet = {"payload": bytes(300), "extensions": ("fragment",), "ip": {"id": lb.ident()}}
        first, later, *_ = fragments(make(**packet), 104)
        check(lb.send(first).verdict in SENT, "the first is not sent")
        # IPv6's length counts from the fragment header on.
        header, at, least = (0, 16, 20) if way.family.version == 4 else (40, 18, 8)
        size = len(later) - 14 - header
        expect_untouched(lb, [patched(later, at, length.to_bytes(2, "big")) for length in (
            0, 1, 4, least - 1, size + 1, size + 100, 65535)])


@each_way("wrong tcp data offset, or udp length: too small, beyond the packet", WAYS)
def transport_length(lb, way, proto):
    wrong = []
    for options in OPTIONS:
        for data in each_frame(lb, way, proto, **options):
            at = transport_at(data)[1]
            size = packet_end(data) - at
            if proto == "tcp":
                wrong += [data[:at + 12] + bytes([words << 4]) + data[at + 13:]
                         for words in (0, 1, 4, 15)]
            else:
                wrong += [data[:at + 4] + length.to_bytes(2, "big") + data[at + 6:]
                         for length in (0, 1, 7, size + 1, size + 100, 65535)]
    expect_dropped(lb, wrong, "bad_header")


@each_way("total length in fragmented buffers: too large is dropped", WAYS)
def buffers_length(lb, way, proto):
    flow = way.open(lb, proto=proto)
    data = flow.sent(payload=bytes(4000))
    at, header = (16, 0) if way.family.version == 4 else (18, 40)
    too_long = patched(data, at, (len(data) - 13 - header).to_bytes(2, "big"))
    expect_dropped(lb, [too_long], "bad_header", 100)


@each_way("udp length less than the packet's: the checksum is still right", WAYS, protos=("udp",))
def udp_short(lb, way, proto):
    flow = way.open(lb, proto=proto)
    size = {"len": 20 + 12 + 6} if way.family.version == 4 else {"plen": 12 + 6}
    for more in ({}, {"chksum": 0}):
        flow.go(len=12, payload=b"data", ip=size, trailer=b"behind", **more)
        flow.back(len=12, payload=b"data", ip=size, trailer=b"behind", **more)


# ---- fields that nobody can mean ----------------------------------------------


@each_way("source port 0 is dropped, to port 0 is not for us", WAYS)
def port_zero(lb, way, proto):
    service = way.service(lb, proto=proto)
    flow = way.flow_to(lb, service, client=(way.family.client, 0))
    expect_dropped(lb, [flow.first()], "bad_header")
    nowhere = way.flow_to(lb, service._replace(port=0)).first()
    expect_passed(lb.send(nowhere), nowhere)


NOBODIES = {
    4: ["0.0.0.0", "0.1.2.3", "127.0.0.1", "127.255.255.254", "224.0.0.1", "239.255.255.255",
        "240.0.0.1", "255.255.255.255"],
    6: ["::", "::1", "ff02::1", "ff0e::1234"],
}
SOMEBODIES = {4: ["1.0.0.1", "126.255.255.255", "128.0.0.1", "223.255.255.255"],
              6: ["2001:db8:1::1", "fd00::1", "64:ff9b::102:304"]}


@each_way("a source that nobody can answer to is dropped", WAYS)
def nobody(lb, way, proto):
    service = way.service(lb, proto=proto)
    before = lb.service_stats(service)["new_flows"]
    sources = [*NOBODIES[way.family.version], way.family.vip]
    clients = [(source, 4000) for source in sources] + [(way.family.vip, service.port)]
    expect_dropped(lb, [way.flow_to(lb, service, client=client).first() for client in clients],
                   "bad_source")
    same(lb.service_stats(service)["new_flows"], before, "new_flows")
    for source in SOMEBODIES[way.family.version]:
        way.flow_to(lb, service, client=(source, lb.client_port())).open()
