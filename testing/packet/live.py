# SPDX-License-Identifier: GPL-2.0-only
"""The map xdplb_config, for what no command does: the tests' network has no VLANs and no crowds."""
import ctypes
import functools
import struct
import time

from balancer import PROGRAMS
from case import check, same

PIN = b"/sys/fs/bpf/xdplb/xdplb_config"
ENTRY, ENTRIES = struct.Struct("=IIH2s6s2x"), 63  # struct xdplb_interface, and how many there are
MASK, MASK_AT = struct.Struct("=I"), 4  # flow_mask
WATCHED, WATCHED_AT = struct.Struct("=I"), 88  # watched_until
ROOM = 1 << 16  # more than struct xdplb_config takes


@functools.lru_cache
def opened():
    """libbpf, and a descriptor of the map, which lives as long as the tests."""
    bpf = ctypes.CDLL("libbpf.so.1", use_errno=True)
    descriptor = bpf.bpf_obj_get(PIN)
    check(descriptor >= 0, "%s: %d", PIN, ctypes.get_errno())
    return bpf, descriptor


class Config:
    def __init__(self, lb):
        self.bpf, self.map = opened()
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
        self.write()

    def write(self):
        check(not self.bpf.bpf_map_update_elem(self.map, self.key, self.value, 0), "not written")

    def flow_buckets(self, buckets):
        """The program uses so many of the flow table, a power of two; returns how many it did."""
        before = MASK.unpack_from(self.value, MASK_AT)[0] + 1
        MASK.pack_into(self.value, MASK_AT, buckets - 1)
        self.write()
        return before


class Watched:
    """Somebody watches while this lasts, so that no packet takes the short way."""

    def __init__(self, lb):
        self.lb = lb

    def __enter__(self):
        self.until(int(time.clock_gettime(time.CLOCK_MONOTONIC)) + 60)

    def __exit__(self, *_):
        self.until(0)

    def until(self, second):
        config = Config(self.lb)
        WATCHED.pack_into(config.value, WATCHED_AT, second)
        config.write()
