# SPDX-License-Identifier: GPL-2.0-only
"""Listeners that register themselves: what is taken, what is refused, and who gets packets then."""
import math
import random
import time

from balancer import CLIENT_MAC, FAMILIES, V4, Service, name_of, run
from case import case, check, same
from cases_local import STAYS, expect_windows, on_all_cpus
from cases_methods import OPTIONS
from flow import SENT
from listener import Local, expect_bytes, families_and, unchanged_in
from registrar import (ANSWER, BODY, FAREWELL, FLOOR, GOODBYE, KEY, LISTENERS, MODE, PORT,
                       Registered, Tables, key_file, mapped, message, monotonic, set_port, siphash)
from wire import TAGS, echo, fragments, frame, transport_at

TICK = 20 * 10**6  # nanoseconds: a jiffy of any kernel, twice

VECTORS = {  # of xdplb-register(7)
    "plain": "78646c620101110013881389000a001e00000000000000000000ffffc0000201"
             "17979cfe362a000000000000000000000000000000000000",
    "keyed": "78646c620101110013881389000a001e00000000000000000000ffffc0000201"
             "17979cfe362a00009c400000000000009cdd1372c0365ca4",
    "answer": "78646c620181110013881389000a001e00000000000000000000ffffc0000201"
              "17979cfe362a00009c40000000000000d495d341a6d7a0da",
    "goodbye": "78646c620102060001bb20fb0000000020010db8000000000000000000000001"
               "17979cfe362a00010000000000000000cb61ea60e3a354c8",
}
COUNTER = 1700000000000000000


@case("registration: the vectors of xdplb-register(7) are what these cases send")
def vectors(_lb):
    four, six = Service("192.0.2.1", 5000, "udp"), Service("2001:db8::1", 443, "tcp")
    ten = {"weight": 10, "counter": COUNTER}
    same(siphash(KEY, bytes(range(15))).hex(), "e545be4961ca29a1", "SipHash of the paper")
    same(message(four, 5001, **ten).hex(), VECTORS["plain"], "without a key")
    same(message(four, 5001, KEY, answer=40000, **ten).hex(), VECTORS["keyed"], "with a key")
    same(message(four, 5001, KEY, answer=40000, kind=1 | ANSWER, **ten).hex(), VECTORS["answer"],
         "the answer")
    same(message(six, 8443, KEY, counter=COUNTER + 1, **FAREWELL).hex(), VECTORS["goodbye"],
         "goodbye")


# ---- what is taken ---------------------------------------------------------------


def packets_of(local):
    """Ways to send a registration."""
    yield from ({}, {"tags": TAGS["one tag"]}, {"tags": TAGS["two tags"]}, {"chksum": 0},
                {"ip": {"ttl": 1}}, {"trailer": b"behind"}, *OPTIONS)
    if local.key:
        yield {"source": local.family.own}
        yield {"source": {4: "127.0.0.1", 6: "::1"}[local.family.version]}


def answer_to(local, listener, said, packet, macs):
    """What must come back for it, all of it computed anew."""
    kind, tail = said[5] | ANSWER, said[6:48]
    body = said[:5] + bytes([kind]) + tail
    whole = body + (siphash(local.key, body) if local.key else bytes(8))
    port = BODY.unpack(said[:48])[-2]
    packet = {name: value for name, value in packet.items() if name not in ("source", "chksum")}
    packet["ip"] = {**packet.get("ip", {}), "ttl": 64}
    return frame(macs, (local.family.vip, PORT), (listener, port), "udp", payload=whole, **packet)


@families_and("registration: taken, and answered where it asks for that", both=True)
def answered(lb, family, proto):
    for key in (None, KEY) if proto == "udp" else (KEY,):
        local = Registered(lb, family, proto, key=key)
        listener = local.listeners[0]
        sent, wanted = [], []
        for packet in packets_of(local):
            for fields in ({"weight": 7, "answer": 40000}, {"answer": listener, **FAREWELL},
                           {"weight": 65535, "lifetime": 65535, "answer": 1}):
                said = local.message(listener, **fields)
                sent.append(local.datagram(said, sport=listener, **packet))
                wanted.append(answer_to(local, packet.get("source", family.vip), said, packet,
                                        ("00:00:00:00:00:00",) * 2))
        for result, data in zip(local.accepted(sent, "PASS"), wanted):
            expect_bytes(result.data, data)
        local.accepted([local.says(listener, packet=packet) for packet in packets_of(local)])
        local.config("del-service")


@families_and("registration: the checksum of an answer that is computed as zero is ffff",
              protos=("udp",))
def answer_zero(lb, family, proto):
    local = Registered(lb, family, proto)
    listener = local.listeners[0]
    said = local.message(listener, answer=40000, counter=0)
    data = answer_to(local, family.vip, said, {}, ("00:00:00:00:00:00",) * 2)
    at = transport_at(data)[1] + 6
    said = local.message(listener, answer=40000, counter=int.from_bytes(data[at:at + 2], "big"))
    wanted = answer_to(local, family.vip, said, {}, ("00:00:00:00:00:00",) * 2)
    same(wanted[at:at + 2], b"\xff\xff", "the case's checksum")
    result = local.accepted([local.datagram(said, sport=listener)], "PASS")[0]
    expect_bytes(result.data, wanted)


@families_and("registration: from another machine, where that may be, the answer goes back there",
              protos=("udp",))
def from_any(lb, family, proto):
    local = Registered(lb, family, proto, key=KEY, options=["--registration-from", "any"])
    listener, there = local.listeners[0], lb.client(family)[0]
    macs = CLIENT_MAC, lb.mac
    said = local.message(listener, answer=40000)
    sent = local.datagram(said, sport=listener, source=there, macs=macs)
    lb.program = "xdplb_encap"  # which is on that interface
    result = local.accepted([sent], *SENT, interface=None)[0]
    expect_bytes(result.data, answer_to(local, there, said, {}, macs[::-1]))
    local.accepted([local.says(listener), local.says(listener)])


@case("registration: messages of xdplb-register(7) as they stand there")
def as_it_stands(lb):
    lb.own_services = True
    for text, what, port in (("192.0.2.1:5000/udp", "keyed", 5001),
                             ("[2001:db8::1]:443/tcp", "goodbye", 8443)):
        with key_file(KEY) as words:
            run("xdplb-config", "set-backends", text, "--forward", "local", "--registration",
                "kernel", *words)
        Tables().find().counters(0)
        address = "192.0.2.1" if what == "keyed" else "2001:db8::1"
        sent = frame(("00:00:00:00:00:00",) * 2, (address, port), (address, PORT), "udp",
                     payload=bytes.fromhex(VECTORS[what]))
        result = lb.send(sent, interface="lo")
        same(result.verdict, "PASS" if what == "keyed" else "DROP", f"the verdict on {what}")
        if what == "keyed":
            same(result.data[-56:].hex(), VECTORS["answer"], "the answer")
            same(Tables().find().record(5001)[0], 10, "the weight")
        run("xdplb-config", "del-service", text)


# ---- what is refused -------------------------------------------------------------


MALFORMED = [{"magic": b"xdlB"}, {"magic": bytes(4)}, {"version": 0}, {"version": 2}, {"kind": 0},
             {"kind": 3}, {"kind": 0x81}, {"kind": GOODBYE}, {"kind": 0x82, "weight": 0},
             {"proto": 0}, {"proto": 1}, {"proto": 58}, {"status": 1}, {"status": 0x80},
             {"weight": 0}, {"lifetime": 0}, {"weight": 0, "lifetime": 0},
             {**FAREWELL, "weight": 1}, {**FAREWELL, "lifetime": 1},
             *({"zero": bytes(at) + b"\1" + bytes(5 - at)} for at in range(6))]


def addresses_wrong(family):
    """A service's addresses that are not that of the packet."""
    good = mapped(family.vip)
    return [*(good[:at] + bytes([good[at] ^ 1]) + good[at + 1:] for at in range(16)), bytes(16),
            mapped(FAMILIES[10 - family.version].vip)]


@families_and("registration: malformed in any field or length: refused, nothing is changed",
              both=True)
def malformed(lb, family, proto):
    local = Registered(lb, family, proto, key=KEY)
    listener = local.listeners[0]
    local.register(3, 1)
    sent = [local.says(listener, **fields) for fields in MALFORMED]
    sent += [local.says(listener, address=address) for address in addresses_wrong(family)]
    good = local.message(listener)
    sent += [local.datagram(payload, sport=listener) for payload in
             (b"", good[:1], good[:48], good[:55], good + b"\0", good * 2, bytes(56))]
    sent += [local.datagram(local.message(0), sport=listener)]
    pieces = fragments(local.says(listener, packet={"extensions": ("fragment",),
                                                    "ip": {"id": lb.ident()}}), 40)
    sent.append(pieces[0])
    # All of the message is in the first fragment, but not all of the packet.
    more = local.datagram(good + bytes(8), sport=listener, extensions=("fragment",), len=64,
                          ip={"id": lb.ident()})
    sent.append(fragments(more, 64)[0])
    local.refused(sent, "registration_malformed")
    # Lengths that do not agree are what they are anywhere else.
    cut = local.says(listener)
    local.refused([cut[:-1], cut[:-56]], "bad_header")


@families_and("registration: from another address of this machine, without a key: denied")
def another_address(lb, family, proto):
    local = Registered(lb, family, proto)
    local.register(3, 1)
    for address in (family.own, {4: "127.0.0.1", 6: "::1"}[family.version]):
        local.refused([local.says(local.listeners[0], packet={"source": address}, **fields)
                       for fields in ({"weight": 7}, FAREWELL)], "registration_denied")


@families_and("registration: from elsewhere, of another's port, for no such service: denied")
def denied(lb, family, proto):
    local = Registered(lb, family, proto, key=KEY)
    listener, other = local.listeners
    local.register(3, 1)
    closed = Local(lb, family, proto, "")  # of the same address, and takes none
    there = {"source": lb.client(family)[0]}
    sent = [local.says(listener, packet=there), local.says(listener)]
    local.refused(sent, "registration_denied", interface="eth0")
    local.refused([local.says(listener)], "registration_denied", interface="eth1")
    good = local.message(listener)
    local.refused([local.datagram(good, sport=port) for port in (other, listener ^ 1, PORT)],
                  "registration_denied")
    another = {"tcp": 17, "udp": 6}[proto]
    local.refused([local.says(listener, port=closed.service.port),
                   local.says(listener, port=local.service.port + 5000),
                   local.says(listener, port=0), local.says(listener, proto=another)],
                  "registration_denied")
    local.refused([local.datagram(good, sport=listener)[:transport_at(cut)[1]] + b"\0\0"
                   + cut[transport_at(cut)[1] + 2:] for cut in [local.datagram(good)]],
                  "registration_denied")
    Tables().find().write("B", MODE, 0)  # off, as while a key changes
    local.refused([local.says(listener)], "registration_denied")


@families_and("registration: a tag that is not the key's: refused", protos=("udp",))
def wrong_key(lb, family, proto):
    local = Registered(lb, family, proto, key=KEY)
    listener = local.listeners[0]
    local.register(3, 1)
    good = local.message(listener)
    flipped = [good[:at // 8] + bytes([good[at // 8] ^ 1 << at % 8]) + good[at // 8 + 1:]
               for at in (*range(48 * 8, 56 * 8), 34 * 8, 39 * 8 + 7, 12 * 8 + 1, 15 * 8 + 2,
                          40 * 8)]
    near = KEY[:15] + bytes([KEY[15] ^ 0x80])
    sent = [local.datagram(one, sport=listener) for one in flipped]
    sent += [local.says(listener, key=key) for key in (None, near, bytes(16), KEY[::-1])]
    sent += [local.says(port, key=near, **FAREWELL) for port in local.listeners]
    local.refused(sent, "registration_key")
    local.accepted([local.datagram(good, sport=listener)])


@families_and("registration: a counter that is not above all before: refused")
def replayed(lb, family, proto):
    local = Registered(lb, family, proto, key=KEY, more=3)
    one, two, new = local.listeners
    floor = Tables().find().read("Q", FLOOR)
    check(abs(floor - time.time_ns()) < 10**10, "the floor is %d", floor)
    local.refused([local.says(new, counter=counter) for counter in (0, 1, floor - 1, floor)]
                  + [local.says(new, counter=floor, **FAREWELL)], "registration_replay")
    local.accepted([local.says(one, counter=floor + 1), local.says(two, counter=2**64 - 1)])
    again = local.says(one, counter=floor + 5, weight=9)
    local.accepted([again])
    local.refused([again, again, local.says(one, counter=floor + 4), local.says(one, counter=0),
                   local.says(one, counter=floor + 5, **FAREWELL)], "registration_replay")
    local.refused([local.says(two, counter=counter) for counter in (0, 2**63, 2**64 - 1)],
                  "registration_replay")
    local.accepted([local.says(one, counter=floor + 6, **FAREWELL)])
    local.refused([again, local.says(one, counter=floor + 6)], "registration_replay")
    same(Tables().find().record(one)[2], floor + 6, "the counter")


@families_and("registration: without a key the counter is not looked at", protos=("udp",))
def keyless(lb, family, proto):
    local = Registered(lb, family, proto)
    local.accepted([local.says(local.listeners[0], counter=counter)
                    for counter in (5, 5, 0, 2**64 - 1, 1)])


def of_user(user):
    """The bytes that xdplb_replies writes."""
    return bytes(2) + user.to_bytes(4, "big")


@families_and("registration: without a key only what is sealed is believed", both=True)
def unsealed(lb, family, proto):
    local = Registered(lb, family, proto)
    listener = local.listeners[0]
    local.register(3, 1)
    good = local.message(listener, zero=of_user(1000))
    flipped = [good[:at // 8] + bytes([good[at // 8] ^ 1 << at % 8]) + good[at // 8 + 1:]
               for at in (*range(44 * 8, 56 * 8), 34 * 8, 12 * 8 + 1, 40 * 8)]
    local.refused([local.datagram(one, sport=listener) for one in flipped],
                  "registration_malformed")
    local.refused([local.says(listener, key=key, **fields) for key in (None, KEY)
                   for fields in ({}, FAREWELL)], "registration_denied")
    local.refused([local.says(listener, key=None, zero=of_user(1000))], "registration_malformed")


@families_and("registration: without a key it belongs to who made it, and to root", both=True)
def users(lb, family, proto):
    local = Registered(lb, family, proto)
    one, two = local.listeners
    local.accepted([local.says(one, zero=of_user(1000)), local.says(one, zero=of_user(1000)),
                    local.says(one), local.says(two)])
    for port, others in ((one, (1, 999, 1001, 65534, 2**32 - 2)), (two, (1, 1000))):
        local.refused([local.says(port, zero=of_user(user), **fields)
                       for user in others for fields in ({}, FAREWELL)], "registration_denied")
    local.accepted([local.says(one, zero=of_user(1000), **FAREWELL),
                    local.says(one, zero=of_user(1001))])
    table = Tables().find()
    for port in (one, two):
        table.ends(port, monotonic() - TICK)
    local.accepted([local.says(one, zero=of_user(7)), local.says(two, zero=of_user(8))])
    local.refused([local.says(one, zero=of_user(8)), local.says(two, zero=of_user(7))],
                  "registration_denied")
    # Who had a key is known to nobody who has none.
    with key_file(KEY) as words:
        local.config("set-service", *words)
    local.accepted([local.says(one, key=KEY)])
    local.refused([local.says(one, key=KEY, zero=of_user(7))], "registration_malformed")
    table.ends(one, monotonic() - TICK)
    local.accepted([local.says(one, key=KEY)])
    local.config("set-service", "--registration-key", "none")
    local.accepted([local.says(one, zero=of_user(9)), local.says(one, zero=of_user(9))])
    local.refused([local.says(one, zero=of_user(10))], "registration_denied")


@families_and("registration: where they go to, nobody elsewhere sends from")
def mirrored(lb, family, proto):
    local = Registered(lb, family, proto)
    packets = [local.datagram(local.message(port), source=family.vip, sport=PORT, dport=port)
               for port in local.listeners]
    local.refused(packets, "registration_denied", interface="eth1")
    unchanged_in(lb, packets, "lo")
    at_service = [local.datagram(local.message(local.listeners[0]), source=family.vip, sport=PORT,
                                 dport=port) for port in (local.service.port, PORT)]
    local.refused(at_service, "registration_denied", interface="eth1")
    unchanged_in(lb, [local.datagram(b"", source=lb.client(family)[0], sport=PORT,
                                     dport=local.listeners[0])], "eth1")


@families_and("registration: goodbye of nobody is nothing, and takes no place")
def nobodys_goodbye(lb, family, proto):
    for key in (None, KEY):
        local = Registered(lb, family, proto, key=key)
        before = Tables().find().bytes()
        local.accepted([local.says(port, **FAREWELL) for port in local.listeners])
        check(Tables().find().bytes() == before, "goodbye of nobody changed the table")
        local.config("del-service")


@families_and("registration: user passes what is sound on, off passes all on, as others do")
def passes(lb, family, proto):
    local = Registered(lb, family, proto, mode="user")
    listener = local.listeners[0]
    good = local.says(listener)
    unchanged_in(lb, [good, local.says(listener, **FAREWELL), local.says(listener, key=KEY)], "lo")
    # What is refused is shown there too, where it comes from this machine.
    unchanged_in(lb, [local.says(listener, magic=b"none"),
                      local.datagram(local.message(listener), sport=9),
                      local.says(listener, port=9)], "lo")
    local.refused([local.says(listener, magic=b"none")], "registration_malformed", "eth0")
    local.refused([good], "registration_denied", "eth0")
    unchanged_in(lb, [local.datagram(local.message(listener), sport=listener, dport=port)
                      for port in (PORT - 1, PORT + 1)], "lo")
    elsewhere = frame(("00:00:00:00:00:00",) * 2, (family.own, listener), (family.own, PORT), "udp",
                      payload=local.message(listener))
    tcp = frame(("00:00:00:00:00:00",) * 2, (family.vip, listener), (family.vip, PORT), "tcp",
                payload=local.message(listener))
    unchanged_in(lb, [elsewhere, tcp], "lo")
    local.config("set-service", "--registration", "kernel")
    unchanged_in(lb, [elsewhere, tcp], "lo")
    local.accepted([good])
    set_port(PORT + 1)
    try:
        unchanged_in(lb, [good], "lo")
        local.accepted([local.datagram(local.message(listener), sport=listener, dport=PORT + 1)])
    finally:
        set_port(PORT)
    flow = local.flow().establish() if proto == "tcp" else None
    local.config("add-backend", ":9")
    local.config("set-service", "--registration", "off")
    unchanged_in(lb, [good, tcp], "lo")
    if flow:  # whose listener had registered, and is none any more
        local.listeners.append(9)
        same(local.speak([flow], flags="S"), [9], "who gets the flow")
    local.config("del-service")
    unchanged_in(lb, [good, tcp], "lo")
    lb.send(echo((CLIENT_MAC, lb.mac), lb.client(family)[0], family.vip))


# ---- who gets packets then -------------------------------------------------------


@families_and("registration: a weight counts from the next packet on", protos=("udp",), both=True)
def weights(lb, family, proto):
    local = Registered(lb, family, proto, more=3)
    flow = local.flow()
    local.expect_dropped([flow], "no_backend")
    local.register(3, 1)
    takers = local.turns(flow, 8) + local.speak(local.flows(8)) + local.turns(flow, 8)
    expect_windows(takers, local.listeners, (3, 1, 0), "two listeners")
    for change in ((1, 1), (2, 5), (4, 6, 2), (100, 50, 25), (65535, 65535, 65535)):
        local.register(*change)
        left = [*change, 0][:3]
        left = [weight // math.gcd(*left) for weight in left]
        expect_windows(local.turns(flow, 3 * sum(left)), local.listeners, left,
                       f"weights {change}")
    for port in local.listeners:
        flow.back_all([{"payload": b"answer"}], port)
    both = on_all_cpus(lb, local, flow, 60)
    if both:
        same(both, [40] * 3, "on both CPUs")
    for change, left in (((0,), (0, 1, 1)), ((0, 4, 0), (0, 1, 0)), ((1, 2), (1, 2, 0))):
        local.register(*change)
        expect_windows(local.turns(flow, 3 * sum(left)), local.listeners, left, f"then {change}")
    local.register(0, 0, 0)
    local.expect_dropped([flow, local.flow()], "no_backend")


@families_and("registration: by each scheduler, flows stay while weights change")
def schedulers(lb, family, proto):
    for scheduler in ("wrr", *STAYS) if proto == "tcp" else ("wrr", "maglev"):
        options = ["--scheduler", scheduler]
        if proto == "udp" and scheduler == "wrr":
            options += ["--udp", "tracked"]
        local = Registered(lb, family, proto, more=3, options=options)
        local.register(2, 1, 1)
        flows = local.opened(48)  # so many that a hash leaves nobody out
        takers = [flow.listener for flow in flows]
        counts = [takers.count(port) for port in local.listeners]
        check(all(counts), "by %s the listeners get %s", scheduler, counts)
        if scheduler in ("wrr", "wlc"):
            same(counts, [24, 12, 12], f"flows by {scheduler}")
        if scheduler == "lc":
            same(counts, [16, 16, 16], "flows by lc")
        local.register(1, 9, 3)
        same(local.speak(flows, payload=b"x"), takers, f"who gets them later by {scheduler}")
        local.register(1, 0, 3)
        if proto == "tcp":
            same(local.speak(flows, payload=b"x"), takers, f"after a goodbye, by {scheduler}")
            new = local.speak(local.flows(48))
            check(local.listeners[1] not in new, "%s: a new one to who said goodbye", scheduler)
            Tables().find().ends(local.listeners[1], 1)
        moved = local.speak(flows, **flows[0].first_fields())
        for flow, before, after in zip(flows, takers, moved):
            check(after != local.listeners[1], "%s: to who is gone", scheduler)
            check(before == after or before == local.listeners[1],
                  "%s: a flow of another's moved too", scheduler)
        same(local.speak(flows), moved, f"who gets them then by {scheduler}")
        local.config("del-service")


@families_and("registration: a lifetime ends in its very tick", protos=("udp",), versions=(4,))
def expiry(lb, family, proto):
    local = Registered(lb, family, proto)
    flow = local.flow()
    one, two = local.listeners
    before = monotonic()
    local.register(1, 1, lifetime=7)
    after, table = monotonic(), Tables().find()
    for port in local.listeners:
        check(before - TICK <= table.record(port)[1] - 7 * 10**9 <= after, "the end is %d, not 7 s "
              "after %d", table.record(port)[1], before)
    local.turns(flow, 4)
    end = monotonic() + 60 * 10**6
    table.ends(one, end)
    while True:
        begins = monotonic()
        got = set(local.turns(flow, 4))
        check(two in got, "the other one gets none")
        if one in got:
            check(begins < end + TICK, "expired %d ms ago and gets packets", (begins - end) / 10**6)
        else:
            check(monotonic() >= end, "expires %d ms early", (end - monotonic()) / 10**6)
            break
    local.register(1)
    same(set(local.turns(flow, 4)), {one, two}, "who gets them when it is back")


@families_and("registration: a flow whose listener expires moves")
def expired_flows(lb, family, proto):
    options = ["--udp", "tracked"] if proto == "udp" else []
    local = Registered(lb, family, proto, options=options)
    local.register(1, 1)
    flows = local.opened(8)
    local.speak(flows)
    Tables().find().ends(local.listeners[0], 1)
    moved = local.speak(flows, **flows[0].first_fields())
    same(set(moved), {local.listeners[1]}, "who gets them")
    same(local.speak(flows), moved, "who gets them then")


@families_and("registration: a backend of the set's is taken over, and given back", protos=("udp",))
def taken_over(lb, family, proto):
    local = Registered(lb, family, proto, "weight=2", "weight=1", more=0)
    flow = local.flow()
    one, two = local.listeners

    def expect(*left):
        expect_windows(local.turns(flow, 3 * sum(left)), local.listeners, left, "who gets them")

    expect(2, 1)
    local.accepted([local.says(one, weight=5)])
    expect(5, 1)
    local.change("weight=7", "weight=3")
    expect(5, 3)
    Tables().find().ends(one, 1)
    expect(0, 1)
    local.config("set-service", "--scheduler", "wrr")
    expect(0, 1)  # it has not been named
    local.accepted([local.says(one, weight=4)])
    expect(4, 3)
    local.accepted([local.says(one, **FAREWELL)])
    expect(0, 1)
    local.config("set-state", f":{one}", "up")
    expect(7, 3)
    local.accepted([local.says(one, weight=4), local.says(one, **FAREWELL)])
    local.change("weight=2", "weight=1")
    expect(2, 1)
    local.change("state=drain", "weight=1")
    local.accepted([local.says(one, weight=9)])
    expect(0, 1)
    local.change("state=up", "state=backup")
    expect(1, 0)
    local.accepted([local.says(one, **FAREWELL)])
    expect(0, 1)
    local.accepted([local.says(one, weight=9)])
    expect(1, 0)


@case("registration: 256 listeners, and who is gone makes room")
def crowd(lb):
    local = Registered(lb, V4, "udp", "", key=KEY, more=LISTENERS + 1)
    static, first, *rest, last = local.listeners
    frames = [local.says(port) for port in (static, first, *rest[:LISTENERS - 2])]
    local.accepted(frames)
    local.refused([local.says(port) for port in (rest[-1], last)], "registration_full")
    table = Tables().find()
    # A backend of the set's keeps its place: it would be back in with the set's weight.
    local.accepted([local.says(static, **FAREWELL)])
    local.refused([local.says(last)], "registration_full")
    old = local.says(first, weight=2)
    local.accepted([old, local.says(first, **FAREWELL)])
    kept, local.counter = local.counter, local.counter - 1
    local.refused([local.says(last)], "registration_replay")  # nothing is above the floor then
    local.counter = kept
    local.accepted([local.says(last)])
    local.refused([old], "registration_replay")
    local.refused([local.says(first)], "registration_full")
    same(table.record(last)[0], 1, "the weight of who took the place")
    time.sleep(0.05)
    takers = local.turns(local.flow(), LISTENERS - 1)
    same(sorted(takers), sorted([*rest[:LISTENERS - 2], last]), "who gets datagrams, one each")


@case("registration: 256 listeners beside 256 backends of the set's: each gets its share")
def both_crowds(lb):
    words = ["weight=2"] * LISTENERS
    local = Registered(lb, V4, "udp", *words, more=LISTENERS)
    local.accepted([local.says(port, weight=3) for port in local.listeners[LISTENERS:]])
    time.sleep(0.05)
    takers = local.turns(local.flow(), 5 * LISTENERS)
    same([takers.count(port) for port in local.listeners], [2] * LISTENERS + [3] * LISTENERS,
         "what each gets")


@case("registration: what was overheard before the service had its key is worth nothing then")
def key_later(lb):
    local = Registered(lb, V4, "udp")
    listener = local.listeners[0]
    local.counter = time.time_ns()
    overheard = local.says(listener, key=KEY, weight=9)
    local.refused([overheard], "registration_denied")
    local.accepted([local.says(listener)])
    with key_file(KEY) as words:
        local.config("set-service", *words)
    local.key = KEY
    local.refused([overheard, local.says(listener)], "registration_replay")
    local.counter = time.time_ns()
    local.accepted([local.says(listener)])
    same(name_of(local.service) in run("xdplb-config", "list"), True, "the service")


@families_and("registration: random bytes never register anybody", protos=("udp",))
def fuzz(lb, family, proto):
    draw = random.Random(31)
    local = Registered(lb, family, proto, key=KEY)
    local.register(3, 1)
    table, before = Tables().find(), lb.stats()
    memory, frames = table.bytes(), []
    for _ in range(300):
        data = bytearray(local.says(local.listeners[0]))
        for _ in range(draw.randrange(1, 4)):
            at = draw.randrange(transport_at(bytes(data))[1] + 8, len(data))
            data[at] ^= draw.randrange(1, 256)
        frames.append(bytes(data))
    for sent, result in zip(frames, lb.send_all(frames, interface="lo")):
        same(result.verdict, "DROP", "the verdict")
        expect_bytes(result.data, sent)
    check(table.bytes() == memory, "the table is changed")
    drops = lb.stats()["drops"]
    same(sum(drops.values()), sum(before["drops"].values()) + 300, "drops counted by name")
