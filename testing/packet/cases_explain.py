# SPDX-License-Identifier: GPL-2.0-only
"""What explain tells of a frame, against what becomes of the same frame right after."""
import json
import os
import random
import subprocess

from scapy.packet import Raw

from balancer import CLIENT_MAC, CPU, FAMILIES, INTERFACE, OTHER, V4, counted, name_of, run
from case import Failed, case, check, same
from flow import SENT, WAYS, DsrFlow, Flow
from mutate import mutate
from registrar import FAREWELL, KEY, Registered
from wire import TWO_TAGS, echo, error, ether, fragments, packet_frame

VERDICTS = {"pass": ("PASS",), "drop": ("DROP",), "tx": SENT, "redirect": SENT}


def explain(*words):
    """On the CPU where frames are injected."""
    done = subprocess.run(["xdplb-config", "-j", "explain", *words], capture_output=True, text=True,
                          timeout=120, preexec_fn=lambda: os.sched_setaffinity(0, {CPU}))
    if done.returncode:
        raise Failed(f"explain {' '.join(words)[:200]}: {done.stderr.strip() or done.returncode}")
    return json.loads(done.stdout)


def timeless(names):
    """Counters but that of flows of earlier cases, which expire when they do."""
    return [name for name in names if name != "expired"]


def agree(lb, data, interface=INTERFACE):
    """Explains a frame, sees that nothing was counted, sends it, and compares. What was told."""
    before = lb.stats()
    told = explain("--iface", interface, "--hex", data.hex())
    same(lb.stats(), before, "what stats shows after explain")
    result = lb.send(data, interface=interface)
    verdict = told["verdict"]["verdict"]
    check(result.verdict in VERDICTS[verdict], "told %s, but it was %s: %s", verdict,
          result.verdict, data.hex())
    if result.verdict != "DROP":
        same(told["after"]["hex"], result.data.hex(), f"the frame told of {data.hex()}")
    grew = timeless(counted(before, lb.stats(), "drops"))
    told["counted"] = timeless(told["counted"])
    check(set(grew) <= set(told["counted"]), "counted as %s, told %s", grew, told["counted"])
    return told


def frames_of(flow):
    whole = {"payload": bytes(40), "extensions": ("fragment",)}
    yield from (flow.another().first(), flow.sent(payload=b"data"), flow.replied(payload=b"data"))
    yield from fragments(flow.sent(**whole), 32)
    yield from fragments(flow.replied(**whole), 32)
    if flow.method in ("nat", "dnat"):
        yield flow.error_in(flow.forwarded(payload=b"data"), 200)
    yield from (flow.sent(ip={"ttl": 1}), flow.sent(payload=bytes(9100)), flow.sent()[:40])


for way_of in WAYS:
    @case(f"explain tells what happens: {way_of}", way_of, program="xdplb_encap")
    def each(lb, way):
        flow = way.open(lb, *way.via.backends, proto="tcp", own=True)
        for data in frames_of(flow):
            agree(lb, data)
        error = flow.error_up(flow.returned(payload=b"data"), 200)
        for told in (agree(lb, flow.sent()), agree(lb, error)):
            backend = told["backend"]
            same((backend["address"], backend["port"]), flow.backend, "the backend")
            same(told["service"]["service"], name_of(flow.service), "the service")


@case("explain tells what happens: each scheduler, affinity, a change", program="xdplb_encap")
def schedulers(lb):
    for scheduler in ("rr", "wrr", "lc", "wlc", "sh", "maglev", "p2c"):
        for options in ((), ("--affinity", "client")):
            service = lb.service(*V4.backends, options=["--scheduler", scheduler, *options])
            for _ in range(2):
                agree(lb, Flow(lb, service, lb.client(V4)).first())
    service = lb.service(*V4.backends, options=["--scheduler", "maglev", "--forward", "dsr"])
    flows = [DsrFlow(lb, service, lb.client(V4)) for _ in range(6)]
    lb.send_all([flow.first() for flow in flows])
    lb.set_backends(service, V4.backends[:1])
    for flow in flows:
        agree(lb, flow.sent())


@case("explain tells what happens: by xdplb, which cannot wrap")
def plain(lb):
    for way in WAYS:
        flow = way.open(lb, *way.via.backends, proto="tcp", own=True) \
            if "xdplb" in way.programs() else way.flow_to(lb, way.service(lb, proto="tcp"))
        agree(lb, flow.another().first(), OTHER)


@case("explain tells what happens: listeners, registered and not", program="xdplb_encap")
def listeners(lb):
    local = Registered(lb, V4, "tcp", "weight=2", key=KEY, options=["--registration-from", "any"])
    there = {"packet": {"source": lb.client(V4)[0], "macs": (CLIENT_MAC, lb.mac)}}
    new = local.listeners[-1]
    flows = [local.flow() for _ in range(4)]
    for flow in flows[:2]:
        agree(lb, flow.sent(flags="S"))
    told = agree(lb, local.says(new, weight=5, answer=4000, **there))
    same(told["counted"], ["registered"], "what is counted")
    told = agree(lb, local.says(new, key=bytes(16), **there))
    same(told["why"]["reason"], "registration_key", "the reason")
    for flow in flows:
        agree(lb, flow.sent(flags="S"))
        agree(lb, flow.sent())
    agree(lb, local.says(new, **FAREWELL, **there))
    agree(lb, flows[0].sent(flags="S"))


@case("explain tells what happens: random changes of good packets", program="xdplb_encap")
def random_changes(lb):
    draw = random.Random(11)
    flows = [way.open(lb, *way.via.backends, proto=proto, own=True)
             for way in WAYS for proto in ("tcp", "udp")]
    frames = [data for flow in flows for data in (flow.first(), flow.sent(), flow.replied())]
    for _ in range(20):
        agree(lb, mutate(draw, draw.choice(frames)))


def not_forwarded(lb, data, why, remedy):
    told = agree(lb, data)
    same(told["verdict"]["verdict"], "pass", f"the verdict on {data.hex()}")
    check(why in told["why"]["text"], "'%s', not why: %s", told["why"]["text"], why)
    check(remedy in told["remedy"]["text"], "'%s', not what to do: %s", told["remedy"]["text"],
          remedy)


@case("explain says what to do: frames that are no packets")
def frames_apart(lb):
    macs = ("02:00:00:00:00:02", lb.mac)
    arp = bytes(28)
    not_forwarded(lb, ether(macs, (), 0x0806) + arp, "ARP", "doctor")
    not_forwarded(lb, ether(macs, TWO_TAGS, 0x0806) + arp, "ARP", "doctor")
    not_forwarded(lb, ether(macs, (*TWO_TAGS, (0x8100, 9)), 0x0800) + bytes(40),
                  "more than two VLAN tags", "take tags off")
    not_forwarded(lb, ether(macs, (), 0x88cc) + bytes(40), "neither IPv4 nor IPv6", "tcpdump -e")
    for group in ("ff:ff:ff:ff:ff:ff", "01:00:5e:00:00:01"):
        not_forwarded(lb, ether((macs[0], group), (), 0x0800) + bytes(40), "to a group",
                      f"the MAC of {INTERFACE}")


for family_of in FAMILIES.values():
    @case(f"explain says what to do: other protocols: v{family_of.version}", family_of)
    def protocols(lb, family):
        macs = ("02:00:00:00:00:02", lb.mac)
        lb.service(*family.backends, address=family.vip)
        for proto in (47, 50):
            for target, remedy in ((family.vip, "wrapped in UDP"), (family.own, "the kernel's")):
                data = packet_frame(macs, family.client, target, Raw(bytes(40)), proto=proto)
                not_forwarded(lb, data, "neither TCP nor UDP", remedy)

    @case(f"explain says what to do: ICMP: v{family_of.version}", family_of)
    def icmp(lb, family):
        macs = ("02:00:00:00:00:02", lb.mac)
        service = lb.service(*family.backends, address=family.vip)
        ping = echo(macs, family.client, family.vip)
        quoted = Flow(lb, service, lb.client(family)).sent()[14:]
        not_forwarded(lb, echo(macs, family.client, family.own), "no service has", "kernel's")
        not_forwarded(lb, echo(macs, family.client, family.vip, reply=True), "neither an error",
                      "nothing")
        not_forwarded(lb, error(macs, family.client, family.own, quoted), "no packet of a flow",
                      "xdplb-config flows")
        not_forwarded(lb, ping[:-2], "cut short", "tcpdump")
        same(agree(lb, ping)["counted"], ["echo"], "what is counted")
        try:
            run("xdplb-config", "set", "echo=off")
            not_forwarded(lb, ping, "answering them is off", "xdplb-config set echo=on")
        finally:
            run("xdplb-config", "set", "echo=on")
