# SPDX-License-Identifier: GPL-2.0-only
"""
Backends behind a VLAN device. The kernel that the tests run on may have none: eth2, an interface
like others, is made one in the program's list of interfaces, where only it looks.
"""
from balancer import INTERFACE
from case import each_way
from flow import WAYS, IpipFlow, expect_dropped
from live import Config
from wire import TAGS

VLAN = 75


def make_vlan(lb):
    """eth2 is VLAN 75 on eth0 from now until the next command."""
    config = Config(lb)
    below = next(one for one in config.interfaces() if one[0] == lb.links[INTERFACE]["ifindex"])
    mac = bytes.fromhex(lb.links["eth2"]["address"].replace(":", ""))
    config.add(lb.links["eth2"]["ifindex"], below[1], 1500, VLAN.to_bytes(2, "big"), mac)


def behind(lb, way, proto):
    """A flow to a backend behind the VLAN, with the MACs of it."""
    own = {4: "10.75.0.10", 6: "fd75::10"}[way.via.version]
    service = way.service(lb, way.via.tagged, proto=proto)
    make_vlan(lb)
    flow = way.flow_to(lb, service, snats=() if way.flow is IpipFlow else (own,))
    flow.near = lb.links["eth2"]["address"]
    return flow


def tagged(data, vlan, priority=0):
    """The untagged frame with a tag."""
    return data[:12] + b"\x81\0" + (priority << 13 | vlan).to_bytes(2, "big") + data[12:]


@each_way("vlan: a tag gets the backend's id and keeps its priority", WAYS)
def changed(lb, way, proto):
    flow = behind(lb, way, proto)
    flow.learn(lb.send(flow.first(tags=TAGS["one tag"])))
    for payload in (b"", b"data"):
        for number in (0x8100, 0x88a8):
            result = lb.send(flow.sent(tags=((number, 7),), payload=payload))
            flow.expect(result, flow.forwarded(tags=((number, VLAN),), payload=payload))


@each_way("vlan: without a tag dropped, or wrapped with one", WAYS)
def untagged(lb, way, proto):
    flow = behind(lb, way, proto)
    if not way.is_tunnel():
        expect_dropped(lb, [flow.first()], "vlan")
        flow.learn(lb.send(flow.first(tags=TAGS["one tag"])))
        expect_dropped(lb, [flow.sent(), flow.sent(payload=b"more")], "vlan")
        return
    flow.learn(lb.send(flow.first()))
    for payload in (b"", b"data"):
        inside = tagged(flow.forwarded(payload=payload), VLAN)
        flow.expect(lb.send(flow.sent(payload=payload)), inside)


@each_way("vlan: two tags are not one to change: dropped, or wrapped with just one", WAYS)
def two_tags(lb, way, proto):
    flow = behind(lb, way, proto)
    flow.learn(lb.send(flow.first(tags=TAGS["one tag"])))
    if not way.is_tunnel():
        expect_dropped(lb, [flow.sent(tags=TAGS["two tags"])], "vlan")
        return
    wanted = flow.forwarded(tags=((TAGS["two tags"][0][0], VLAN),), payload=b"data")
    flow.expect(lb.send(flow.sent(tags=TAGS["two tags"], payload=b"data")), wanted)
