# SPDX-License-Identifier: GPL-2.0-only
"""
Backends behind a VLAN device. The kernel that the tests run on may have none: eth2, an interface
like others, is made one in the program's list of interfaces, where only it looks.
"""
import ctypes
import struct

from balancer import INTERFACE, PROGRAMS
from case import check, each_way, same
from flow import WAYS, IpipFlow, expect_dropped
from wire import TAGS

PIN = b"/sys/fs/bpf/xdplb/xdplb_config"
ENTRY, ENTRIES = struct.Struct("=IIH2s6s2x"), 63  # struct xdplb_interface, and how many there are
ROOM = 1 << 16  # more than struct xdplb_config takes
VLAN = 75


class Config:
    """The map xdplb_config."""

    def __init__(self, lb):
        self.bpf = ctypes.CDLL("libbpf.so.1", use_errno=True)
        self.map = self.bpf.bpf_obj_get(PIN)
        check(self.map >= 0, "%s: %d", PIN, ctypes.get_errno())
        self.key = ctypes.byref(ctypes.c_uint32(0))
        self.value = ctypes.create_string_buffer(ROOM)
        check(not self.bpf.bpf_map_lookup_elem(self.map, self.key, self.value), "no configuration")
        # Those that have XDP come first in the list.
        self.list = min(self.find(lb.links[name]) for name in PROGRAMS.values())

    def find(self, link):
        """Where an interface's entry is: its MAC is in no other."""
        at = self.value.raw.index(bytes.fromhex(link["address"].replace(":", ""))) - 12
        same(ENTRY.unpack_from(self.value, at)[0], link["ifindex"], "the interface in the list")
        return at

    def interfaces(self):
        return [ENTRY.unpack_from(self.value, self.list + at * ENTRY.size)
                for at in range(ENTRIES)]

    def add(self, *entry):
        at = next(at for at, one in enumerate(self.interfaces()) if one[0] in (0, entry[0]))
        ENTRY.pack_into(self.value, self.list + at * ENTRY.size, *entry)
        check(not self.bpf.bpf_map_update_elem(self.map, self.key, self.value, 0), "not written")


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
