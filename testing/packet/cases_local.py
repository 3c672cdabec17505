# SPDX-License-Identifier: GPL-2.0-only
"""--forward local: packets to listeners on this machine, and what they answer."""
import random

from balancer import counted
from case import check, same
from cases_fragments import SIZE, packet_of, without_trailer
from cases_icmp import ERRORS, QUOTED, quoted, with_length
from cases_icmp import OPTIONS as INSIDE
from cases_methods import OPTIONS, checksum_of, packets, payload
from judge import changed_places
from listener import (PLAIN, Local, expect_bytes, families_and, unchanged_in, unchanged_out)
from live import Config, Watched
from wire import TAGS, fragments, frame, network_at, packet_end, transport_at

IP6_END = 54  # of an IPv6 header behind Ethernet's
SMALL = 3000  # bytes of a frame that a tc program can be tried with


def small(described):
    return [one for one in described if len(one.get("payload", b"")) < SMALL]


@families_and("local: to the listener and back", both=True)
def matrix(lb, family, proto):
    local = Local(lb, family, proto, "")
    for tags in TAGS.values():
        flow = local.flow().establish(tags=tags)
        described = [{**packet, "tags": tags} for packet in packets(proto)]
        flow.go_all(described)
        flow.back_all(small(described))
        for options in OPTIONS:
            local.flow().establish(tags=tags, **options)
    data = flow.sent()
    headers = transport_at(data)[1] + (20 if proto == "tcp" else 8)
    flow.go_all([{"payload": payload(length)} for length in (8000, 8001)], headers)


@families_and("local: random packets, checksums byte for byte")
def random_packets(lb, family, proto):
    draw = random.Random(17)
    flow = Local(lb, family, proto, "").flow().establish()
    described = [{"payload": draw.randbytes(draw.randrange(12, 60)),
                  "ip": {"id": draw.randrange(65536), "tos": draw.randrange(256),
                         "label": draw.randrange(2**20)}} for _ in range(30)]
    flow.go_all(described)
    flow.back_all(described)


@families_and("local: udp without a checksum keeps none, one computed as zero is ffff",
              protos=("udp",))
def no_checksum(lb, family, proto):
    flow = Local(lb, family, proto, "").flow().establish()
    described = [{"chksum": 0, "payload": payload(length), **more} for length in (0, 1, 40, 1001)
                 for more in ({}, *OPTIONS[:3], {"tags": TAGS["one tag"]})]
    flow.go_all(described)
    flow.back_all(described)
    for make, go in ((flow.sent, flow.go_all), (flow.handed, flow.go_all),
                     (flow.replied, flow.back_all), (flow.returned, flow.back_all)):
        data = checksum_of(make(payload=b"\0\0"))
        same(checksum_of(make(payload=data)), b"\xff\xff", "the case's checksum")
        go([{"payload": data}])


@families_and("local: no hop is taken, a time to live of 1 is enough")
def ttl(lb, family, proto):
    local = Local(lb, family, proto, "")
    flow = local.flow().establish(ip={"ttl": 1})
    flow.go_all([{"ip": {"ttl": left}, **more} for left in (0, 1, 2, 255)
                 for more in ({}, OPTIONS[0], {"tags": TAGS["one tag"]})])
    flow.back_all([{"ip": {"ttl": left}} for left in (0, 1, 64)])


@families_and("local: from this machine itself, which answers too")
def own_sources(lb, family, proto):
    for scheduler in ("wrr", "sh"):
        local = Local(lb, family, proto, "", "", options=["--scheduler", scheduler])
        for source in (family.vip, {4: "127.0.0.1", 6: "::1"}[family.version], family.own):
            flow = local.flow((source, lb.client_port()))
            for fields in (flow.first_fields(), {}, {"payload": b"again"}, OPTIONS[0]):
                local.speak([flow], interface="lo", **fields)
                flow.back_all([fields])


# ---- the short way and the long one ----------------------------------------------


def looks_the_same(lb, frames):
    """Packets of known flows come out the same by either way."""
    short = lb.send_all(frames)
    with Watched(lb):
        long = lb.send_all(frames)
    for data, one, other in zip(frames, short, long):
        same((one.verdict, one.data.hex()), (other.verdict, other.data.hex()),
             f"by the short way {data.hex()}")


@families_and("local: the short way and the long one agree", both=True)
def agree(lb, family, proto):
    draw = random.Random(23)
    local = Local(lb, family, proto, "")
    flow, stranger = local.flow().establish(), local.flow()
    frames = [make(**packet) for packet in (*packets(proto), {"chksum": 0, "payload": PLAIN})
              for make in (flow.sent, stranger.sent)]
    good = flow.sent(payload=PLAIN)
    at = network_at(good)
    for _ in range(150):  # one byte is another; not of the addresses and ports: they are flows
        data = bytearray(good)
        place = draw.choice([one for one in range(at, len(data) - 1)
                             if not at + {4: 12, 6: 8}[family.version] <= one
                             < transport_at(good)[1] + 4])
        data[place] = draw.randrange(256)
        frames.append(bytes(data))
    frames += [good[:length] for length in range(14, len(good))]
    looks_the_same(lb, frames)
    flow.go_all([{"payload": b"still"}])


@families_and("local: lengths that do not agree are dropped, what is cut short passes")
def truncated(lb, family, proto):
    flow = Local(lb, family, proto, "").flow().establish()
    header = transport_at(flow.sent())[1] - network_at(flow.sent())
    good = flow.sent(payload=b"data")
    wrong = [with_length(good, header + (8 if proto == "udp" else 20) - 1), good[:-1],
             with_length(good, len(good) - network_at(good) + 1)]
    at = transport_at(good)[1]
    wrong.append(good[:at + 4] + b"\0\7" + good[at + 6:] if proto == "udp" else
                 good[:at + 12] + b"\x40" + good[at + 13:])
    wrong.append(good[:at] + b"\0\0" + good[at + 2:])
    before = lb.stats()
    for data, result in zip(wrong, lb.send_all(wrong)):
        same((result.verdict, result.data.hex()), ("DROP", data.hex()), "what became of it")
    same(counted(before, lb.stats(), "drops"), {"bad_header": len(wrong)}, "what is counted")
    unchanged_in(lb, [good[:length] for length in (15, 33, at - 1, at, at + 7)])
    unchanged_out(lb, [flow.replied()[:length] for length in (at, at + 1, at + 3)])


# ---- fragments -------------------------------------------------------------------


@families_and("local: of fragments the first is rewritten, the others pass in any order", both=True)
def pieces(lb, family, proto):
    local = Local(lb, family, proto, "")
    flow = local.flow().establish()
    for kind, order in ((0, (0, 1, 2)), (1, (0, 2, 1)), (2, (2, 1, 0)), (3, (1, 0, 2)),
                        (4, (0, 1, 2, 0, 1))):
        packet = without_trailer(packet_of(lb, kind))
        sent, wanted = (fragments(make(**packet), SIZE) for make in (flow.sent, flow.handed))
        same(sent[1:], wanted[1:], "the later fragments")
        for at in order:
            result = lb.send(sent[at])
            same(result.verdict, "PASS", "the verdict")
            expect_bytes(result.data, wanted[at])
        same(lb.leave_all(fragments(flow.replied(**packet), SIZE)),
             fragments(flow.returned(**packet), SIZE), "the reply's fragments")
    if proto == "udp":
        packet = packet_of(lb, chksum=0)
        sent, wanted = (fragments(make(**packet), SIZE) for make in (flow.sent, flow.handed))
        same([lb.send(data).data for data in sent], wanted, "fragments without a checksum")


# ---- who gets them ---------------------------------------------------------------


def expect_windows(takers, listeners, weights, what):
    """In any run as long as the weights' sum each has exactly its own."""
    total = sum(weights)
    for at in range(len(takers) - total + 1):
        run = takers[at:at + total]
        same([run.count(port) for port in listeners], list(weights),
             f"{what}: who gets packets from {at} on")


def on_all_cpus(lb, local, flow, count):
    """So many datagrams on either CPU at once: how many each listener got in all."""
    elsewhere = lb.start_elsewhere()
    if not elsewhere:
        return None
    data = flow.sent(payload=PLAIN)
    lines = [f"{data.hex()} 0\n"] * count
    try:
        here = lb.programs[lb.program]
        for process in (here, elsewhere):
            process.stdin.write("".join(lines))
            process.stdin.flush()
        got = [process.stdout.readline() for _ in lines for process in (here, elsewhere)]
    finally:
        elsewhere.kill()
        elsewhere.wait()
    wanted = {f"PASS {flow.handed(port, payload=PLAIN).hex()}\n": port for port in local.listeners}
    check(all(line in wanted for line in got), "a datagram came to no listener")
    takers = [wanted[line] for line in got]
    return [takers.count(port) for port in local.listeners]


@families_and("local: udp, rr and wrr exact for each datagram, over flows and CPUs",
              protos=("udp",), both=True)
def each_datagram(lb, family, proto):
    for scheduler, weights in (("wrr", (3, 1)), ("wrr", (7, 2, 3)), ("rr", (4, 1, 2))):
        local = Local(lb, family, proto, *(f"weight={weight}" for weight in weights),
                      options=["--scheduler", scheduler])
        weights = [1] * len(weights) if scheduler == "rr" else weights
        total = sum(weights)
        takers = local.turns(local.flow(), 6 * total)
        takers += local.speak(local.flows(4 * total))
        known = local.flow().establish()
        takers += local.turns(known, 5 * total - 2)
        expect_windows(takers[:10 * total], local.listeners, weights, scheduler)
        stats = local.stats()
        same(stats["packets"], 15 * total, "packets")
        same([one["packets"] for one in stats["backends"]], [15 * weight for weight in weights],
             "packets of each")
        both = on_all_cpus(lb, local, known, 50 * total)
        if both:
            same(both, [100 * weight for weight in weights], f"{scheduler} on both CPUs")


@families_and("local: each datagram by the weights that are in force", protos=("udp",))
def weights_change(lb, family, proto):
    local = Local(lb, family, proto, "weight=3", "")
    flow = local.flow().establish()
    for weights in ((1, 2), (5, 3), (1, 1), (2, 7)):
        local.change(*(f"weight={weight}" for weight in weights))
        expect_windows(local.turns(flow, 3 * sum(weights)), local.listeners, weights, "wrr")
    local.change("state=drain", "")
    same(set(local.turns(flow, 5)), {local.listeners[1]}, "who gets them while one drains")
    local.change("", "state=down")
    same(set(local.turns(flow, 5)), {local.listeners[0]}, "who gets them while one is down")
    local.change("state=down", "state=backup")
    same(set(local.turns(flow, 5)), {local.listeners[1]}, "who gets them from the backup")
    flow.back_all([{"payload": b"a"}], local.listeners[1])


@families_and("local: tcp, rr and wrr exact for each flow, which stays")
def each_flow(lb, family, proto):
    for scheduler, weights in (("rr", (4, 1, 2)), ("wrr", (7, 2, 3))):
        options = ["--udp", "tracked"] if proto == "udp" else []
        local = Local(lb, family, proto, *(f"weight={weight}" for weight in weights),
                      options=["--scheduler", scheduler, *options])
        weights = [1] * 3 if scheduler == "rr" else weights
        flows = local.opened(2 * sum(weights))
        takers = [flow.listener for flow in flows]
        expect_windows(takers, local.listeners, weights, scheduler)
        for change in (("weight=1", "weight=9", "weight=9"), ("state=drain", "", "weight=2")):
            local.change(*change)
            for _ in range(2):  # second packets, and the short way's
                same(local.speak(flows, payload=PLAIN), takers, f"who gets them after {change}")
        same(len(local.listed()), len(flows), "how many flows are remembered")


STAYS = ("lc", "wlc", "p2c", "sh", "maglev")


@families_and("local: a flow stays with its listener by lc, wlc, p2c, sh, maglev and affinity")
def stays(lb, family, proto):
    for options in (*(["--scheduler", name] for name in STAYS), ["--affinity", "client"]):
        local = Local(lb, family, proto, "weight=2", "", "", options=options)
        flows = local.opened(16)
        takers = [flow.listener for flow in flows]
        same(set(takers), set(local.listeners), f"who gets flows by {options}")
        counts = [takers.count(port) for port in local.listeners]
        if options[-1] in ("lc", "wlc"):
            same(sorted(counts), [5, 5, 6] if options[-1] == "lc" else [4, 4, 8],
                 f"flows by {options}")
        for fields in ({"payload": PLAIN}, OPTIONS[0]):
            same(local.speak(flows, **fields), takers, f"who gets them by {options}")
        local.change("weight=9", "weight=8", "weight=1")
        same(local.speak(flows, payload=b"z"), takers, f"who gets them later by {options}")
        if options[-1] in ("sh", "client"):
            again = [local.flow((flow.client[0], flow.client[1] + 1)) for flow in flows]
            if options[-1] == "sh":
                local.change("weight=2", "", "")
            same(local.speak(again, **again[0].first_fields()), takers,
                 f"who gets the same clients' next flows by {options}")


@families_and("local: down moves flows at once, drain keeps them, nobody is no_backend")
def states(lb, family, proto):
    options = ["--udp", "tracked"] if proto == "udp" else []
    local = Local(lb, family, proto, "", "", options=options)
    flows = local.opened(10)
    local.speak(flows)
    takers = [flow.listener for flow in flows]
    local.change("state=drain", "")
    same(local.speak(flows), takers, "who gets them while one drains")
    same({flow.listener for flow in local.opened(6)}, {local.listeners[1]}, "who gets new ones")
    local.change("state=down", "")
    moved = local.speak(flows, **flows[0].first_fields())
    same(set(moved), {local.listeners[1]}, "who gets them when one is down")
    same(local.speak(flows), moved, "who gets them then")
    flows[0].back_all([{"payload": b"there"}])
    for words in (("state=down", "state=down"), ("state=drain", "state=down")):
        local.change(*words)
        local.expect_dropped(local.flows(3), "no_backend", **flows[0].first_fields())
    local.change("state=drain", "state=drain")
    same(local.speak(flows), moved, "who gets them while all drain")


@families_and("local: udp by itself, where nobody takes it, is no_backend", protos=("udp",))
def nobody(lb, family, proto):
    local = Local(lb, family, proto, "", "")
    flow = local.flow().establish()
    for words in (("state=down", "state=down"), ("state=drain", "state=drain")):
        local.change(*words)
        local.expect_dropped([flow, flow, local.flow()], "no_backend")
    local.change("state=up", "state=drain")
    same(set(local.turns(flow, 4)), {local.listeners[0]}, "who gets them again")


@families_and("local: counted, both ways")
def counts(lb, family, proto):
    local = Local(lb, family, proto, "")
    before = lb.stats()
    flow = local.flow().establish()
    described = [{"payload": payload(100)}, {"trailer": b"behind"}, {"tags": TAGS["one tag"]},
                 OPTIONS[2]]
    flow.go_all(described)
    flow.back_all(described)
    frames = [flow.sent(**one) for one in (flow.first_fields(), {}, *described)]
    stats = local.stats()
    same([stats[name] for name in ("packets", "bytes", "new_flows", "active_flows")],
         [6, sum(packet_end(data) for data in frames), 1, 1], "packets, bytes, flows")
    same([stats["reply_packets"], stats["reply_bytes"]],
         [4, sum(packet_end(flow.returned(**one)) for one in described)], "replies")
    same(counted(before, lb.stats(), "verdicts"), {"pass": 6}, "the verdicts")


@families_and("local: tcp without a flow and no syn goes to one listener, which is heard",
              protos=("tcp",))
def strays(lb, family, proto):
    local = Local(lb, family, proto, "", "")
    flows = local.flows(20)
    takers = local.speak(flows)
    same(set(takers), set(local.listeners), "who gets them")
    same(local.speak(flows, payload=b"x"), takers, "who gets the next ones")
    for flow in flows:
        flow.back_all([{"payload": b"yes"}, {"flags": "R"}])


# ---- replies ---------------------------------------------------------------------


@families_and("replies: what is none leaves as it is")
def no_replies(lb, family, proto):
    local = Local(lb, family, proto, "", "")
    flow = local.flow().establish()
    other = Local(lb, family, "tcp" if proto == "udp" else "udp", "")
    stranger = local.flow()
    described = [{}, {"payload": payload(100)}, {"tags": TAGS["two tags"]}, *OPTIONS[:4]]
    stranger.expect_unknown(described, local.listeners[0])
    flow.expect_unknown(described, local.listeners[0] + 1000)
    flow.expect_unknown(described, flow.front[1])
    flow.expect_unknown(described, other.listeners[0])
    elsewhere = local.flow(flow.client)
    elsewhere.front = ({4: "192.0.2.11", 6: "2001:db8::11"}[family.version], flow.front[1])
    elsewhere.expect_unknown(described, flow.listener)
    # Of the other protocol, from the same port to the same client.
    macs, ends = (lb.mac, flow.mac), ((flow.front[0], flow.listener), flow.client)
    unchanged_out(lb, [frame(macs, *ends, other.proto, payload=payload(20))])
    # The other way round, and a client's own port.
    unchanged_out(lb, [flow.sent(), flow.handed(), flow.returned()])
    three = flow.replied(tags=((0x8100, 1), (0x8100, 2), (0x8100, 3)))
    unchanged_out(lb, [three, three[:60], b"\xff" * 14 + bytes(46)])
    flow.back_all(described)
    local.config("del-service")
    flow.expect_unknown(described, local.listeners[0])


@families_and("replies: any listener of a service of datagrams may answer", protos=("udp",))
def any_answers(lb, family, proto):
    local = Local(lb, family, proto, "", "", "")
    flow = local.flow().establish()
    for port in local.listeners:
        flow.back_all([{"payload": b"from here"}, OPTIONS[1]], port)


@families_and("replies: of two services with one listener each flow has its own", protos=("udp",))
def shared_port(lb, family, proto):
    one = Local(lb, family, proto, "")
    others = [Local(lb, family, proto, "", listeners=one.listeners) for _ in range(3)]
    flows = [local.flow().establish() for local in (one, *others)]
    for flow in flows:
        flow.back_all([{"payload": b"mine"}])
    others[0].config("del-service")
    flows[1].expect_unknown()
    for flow in (flows[0], *flows[2:]):
        flow.back_all([{"payload": b"still"}])


# What the client (+) and the listener (-) send, and the state of the flow then.
ENDS = [("+A", "established"), ("-FA", "fin_backend"), ("+FA", "fin_client"), ("-RA", "reset"),
        ("-FA +FA", "closed"), ("+FA -FA", "closed"), ("-RA +A", "established")]


@families_and("replies: fin and rst of either side move the flow's state", protos=("tcp",))
def ends(lb, family, proto):
    for words, state in ENDS:
        local = Local(lb, family, proto, "")
        flow = local.flow().establish()
        for word in words.split():
            (flow.go_all if word[0] == "+" else flow.back_all)([{"flags": word[1:]}])
        same([line["state"] for line in local.listed()], [state], f"the state after {words}")


@families_and("replies: where the table has no room, a flow that may be there is answered")
def no_room(lb, family, proto):
    local = Local(lb, family, proto, "", options=["--scheduler", "wrr"])
    config = Config(lb)
    before = config.flow_buckets(2)
    try:
        known = [local.flow().establish() for _ in range(60)]
        for flow in known:  # who is remembered and who is not
            flow.back_all([{"payload": b"answer"}])
        same(len(local.listed()), 8, "how many flows are remembered")
    finally:
        lb.flush()
        Config(lb).flow_buckets(before)
    known[0].expect_unknown()


@families_and("replies: random bytes change nothing but port and checksum", protos=("udp", "tcp"))
def fuzz(lb, family, proto):
    draw = random.Random(5)
    flow = Local(lb, family, proto, "").flow().establish()
    frames = []
    for make in (flow.replied, lambda **more: flow.error_out(flow.handed(**more), 200)):
        for more in ({}, OPTIONS[0], {"tags": TAGS["one tag"]}, OPTIONS[5]):
            for _ in range(30):
                data = bytearray(make(payload=b"payload", **more))
                for _ in range(draw.randrange(1, 3)):
                    data[draw.randrange(12, len(data))] = draw.randrange(256)
                # The kernel tries no program with less than an IP header.
                size = draw.choice((len(data), max(IP6_END, draw.randrange(len(data)))))
                frames.append(bytes(data[:size]))
    for sent, data in zip(frames, lb.leave_all(frames)):
        same(len(data), len(sent), f"the length of {sent.hex()}")
        changed = changed_places(sent, data)
        check(len(changed) <= 6, "%s became %s", sent.hex(), data.hex())
        if changed:
            front = flow.front[1].to_bytes(2, "big")
            check(front in data, "changed, but not to the service's port: %s", data.hex())


# ---- icmp ------------------------------------------------------------------------


def reaches(flow, length, packet, fields):
    """An error about a reply, and what the listener must hear."""
    out, inside = flow.returned(**packet), flow.replied(**packet)
    return (flow.error_in(out, quoted(out, length), **fields),
            flow.error_in(inside, quoted(inside, length), **fields))


def tells(flow, length, packet, fields):
    """This machine's error about a client's packet, and what the client must hear."""
    handed, sent = flow.handed(**packet), flow.sent(**packet)
    return (flow.error_out(handed, quoted(handed, length), **fields),
            flow.error_out(sent, quoted(sent, length), **fields))


def all_errors(make, flow, family, proto):
    """Pairs of a frame and what it must become."""
    about = {"payload": b"what it was about", "ip": {"ttl": 61}}
    pairs = [make(flow, length, about, fields) for length in QUOTED[proto]
             for fields in ERRORS[family.version]]
    outsides = ({"trailer": b"tail!"}, INSIDE[1], *({"tags": tags} for tags in TAGS.values()))
    return pairs + [make(flow, length, {**about, **inside}, fields)
                    for inside in (*INSIDE[:2], {"extensions": ("destination",)})
                    for length in (8, 20) for fields in outsides]


@families_and("local: an error about a reply reaches the listener's port", both=True)
def errors_in(lb, family, proto):
    local = Local(lb, family, proto, "", "")
    flow = local.flow().establish()
    flow.listener = local.opened(1)[0].listener if flow.listener is None else flow.listener
    if proto == "udp":
        flow.listener = remembered(local, flow)
    pairs = all_errors(reaches, flow, family, proto)
    pairs.append(reaches(flow, 20, {"payload": b"x"}, {"ttl": 1}))
    for result, (_, wanted) in zip(lb.send_all([sent for sent, _ in pairs]), pairs):
        same(result.verdict, "PASS", "the verdict")
        expect_bytes(result.data, wanted)
    if proto == "udp":
        none = reaches(flow, 8, {"chksum": 0, "payload": b"x"}, {})
        expect_bytes(lb.send(none[0]).data, none[1])
    elsewhere = local.flow(flow.client)
    elsewhere.front = (flow.front[0], flow.front[1] + 1000)
    unchanged_in(lb, [elsewhere.error_in(elsewhere.returned(), 200)])


def remembered(local, flow):
    """Each datagram is handed out by itself; who is remembered got the first."""
    line = next(line for line in local.listed() if local.family.version == 6
                or line["client_port"] == flow.client[1])
    return int(line["backend"].rsplit(":", 1)[1])


@families_and("replies: an error about a client's packet speaks of the service's port")
def errors_out(lb, family, proto):
    local = Local(lb, family, proto, "", "")
    flow = local.flow().establish()
    pairs = all_errors(tells, flow, family, proto)
    if proto == "udp":
        pairs += [tells(flow, length, {"chksum": 0, "payload": b"x"}, {}) for length in (8, 100)]
        for make in (flow.handed, flow.sent):  # a checksum that is zero, before or after
            zero = checksum_of(make(payload=b"\0\0"))
            pairs.append(tells(flow, 100, {"payload": zero}, {}))
    for data, (_, wanted) in zip(lb.leave_all([sent for sent, _ in pairs]), pairs):
        expect_bytes(data, wanted)
    stranger = local.flow()
    unchanged_out(lb, [tells(stranger, 100, {}, {})[0] for stranger.listener in local.listeners])
    about = flow.handed()
    later = fragments(flow.handed(payload=bytes(400), extensions=("fragment",)), 200)[1]
    unchanged_out(lb, [flow.error_out(later, 200), flow.error_out(about, quoted(about, 3)),
                       flow.error_out(flow.sent(), 200)])
