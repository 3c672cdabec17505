# SPDX-License-Identifier: GPL-2.0-only
"""Registrations as xdplb-register(7) has them, and the map that they end in."""
import contextlib
import ctypes
import json
import mmap
import socket
import struct
import tempfile
import time

from balancer import counted, run
from case import check, same
from listener import Local, expect_bytes
from wire import frame

PORT = 7475
PORTS_ALLOWED = 8192  # bytes that struct xdplb_config ends with
REGISTER, GOODBYE, ANSWER = 1, 2, 0x80
KEY = bytes(range(16))
MASK = 2**64 - 1
PROTOS = {"tcp": 6, "udp": 17}
BODY = struct.Struct("!4sBBBBHHHH16sQH6s")


def siphash(key, data):
    """SipHash-2-4, of xdplb-register(7)."""
    v = [a ^ b for a, b in zip(struct.unpack("<2Q", key) * 2, (
        0x736f6d6570736575, 0x646f72616e646f6d, 0x6c7967656e657261, 0x7465646279746573))]

    def rotate(x, n):
        return (x << n | x >> (64 - n)) & MASK

    def rounds(n):
        for _ in range(n):
            for a, b, c, d, s, t in ((0, 1, 2, 3, 13, 16), (2, 1, 0, 3, 17, 21)):
                v[a] = (v[a] + v[b]) & MASK
                v[c] = (v[c] + v[d]) & MASK
                v[b] = rotate(v[b], s) ^ v[a]
                v[d] = rotate(v[d], t) ^ v[c]
                v[a] = rotate(v[a], 32)
    padded = data + bytes(7 - len(data) % 8) + bytes([len(data) % 256])
    for word, in struct.iter_unpack("<Q", padded):
        v[3] ^= word
        rounds(2)
        v[0] ^= word
    v[2] ^= 0xff
    rounds(4)
    return struct.pack("<Q", v[0] ^ v[1] ^ v[2] ^ v[3])


def mapped(address):
    return socket.inet_pton(socket.AF_INET6, address if ":" in address else "::ffff:" + address)


def message(service, listener, key=None, **fields):
    """The 56 bytes; any field of them may be another than it should be."""
    one = {"magic": b"xdlb", "version": 1, "kind": REGISTER, "proto": PROTOS[service.proto],
           "status": 0, "port": service.port, "weight": 1, "lifetime": 30,
           "address": mapped(service.address), "counter": 0, "answer": 0, "zero": bytes(6),
           **fields}
    body = BODY.pack(one["magic"], one["version"], one["kind"], one["proto"], one["status"],
                     one["port"], listener, one["weight"], one["lifetime"], one["address"],
                     one["counter"], one["answer"], one["zero"])
    return body + (siphash(key, body) if key else bytes(8))


def seal():
    """The key under which xdplb_replies says who sends what has none: of struct xdplb_config."""
    name = "/sys/fs/bpf/xdplb/xdplb_config"
    size = json.loads(run("bpftool", "-j", "map", "show", "pinned", name))["bytes_value"]
    bpf = ctypes.CDLL("libbpf.so.1", use_errno=True)
    descriptor = bpf.bpf_obj_get(name.encode())
    check(descriptor >= 0, "xdplb_config: %d", ctypes.get_errno())
    with mmap.mmap(descriptor, -(-size // mmap.PAGESIZE) * mmap.PAGESIZE) as memory:
        return memory[size - PORTS_ALLOWED - 16:size - PORTS_ALLOWED]


class Registered(Local):
    """A service whose listeners register themselves: not those of the command, if there are."""

    def __init__(self, lb, family, proto, *words, options=(), key=None, mode="kernel", more=2):
        self.key, self.seal = key, seal()
        self.counter = time.time_ns() + 10**10  # above the floor
        given = ["--registration", mode]
        with key_file(key) as words_of_key:
            super().__init__(lb, family, proto, *words,
                             options=[*given, *words_of_key, *options])
        self.statics = len(words)
        self.listeners += [lb.backend_port() for _ in range(more)]

    def message(self, listener, **fields):
        self.counter += 1
        return message(self.service, listener, **{"key": self.key or self.seal,
                                                  "counter": self.counter, **fields})

    def datagram(self, payload, source=None, sport=None, dport=PORT, **packet):
        """As it comes from a socket on this machine."""
        macs = packet.pop("macs", ("00:00:00:00:00:00",) * 2)
        return frame(macs, (source or self.family.vip, sport or self.listeners[0]),
                     (self.family.vip, dport), "udp", payload=payload, **packet)

    def says(self, listener, **fields):
        """The frame of one registration; fields of the packet are in `packet`."""
        packet = fields.pop("packet", {})
        return self.datagram(self.message(listener, **fields), sport=listener, **packet)

    def accepted(self, frames, *verdicts, interface="lo"):
        """They are taken, each; what came out. Without an answer that is nothing."""
        before = self.lb.stats()
        results = self.lb.send_all(frames, interface=interface)
        for result in results:
            check(result.verdict in (verdicts or ("DROP",)), "the verdict is %s", result.verdict)
        after = self.lb.stats()
        same(counted(before, after, "answers"), {"registered": len(frames)}, "what is counted")
        same(counted(before, after, "drops"), {}, "drops")
        return results

    def register(self, *weights, **fields):
        """The listeners that are no backends of the set's, in their order; 0: goodbye."""
        frames = []
        for listener, weight in zip(self.listeners[self.statics:], weights):
            frames.append(self.says(listener, **({"weight": weight} if weight else FAREWELL),
                                    **fields if weight else {}))
        self.accepted(frames)

    def refused(self, frames, reason, interface="lo"):
        """They are dropped, counted as that, and have changed nothing."""
        table = Tables().find()
        memory, before = table.bytes(), self.lb.stats()
        for sent, result in zip(frames, self.lb.send_all(frames, interface=interface)):
            same(result.verdict, "DROP", "the verdict")
            expect_bytes(result.data, sent)
        after = self.lb.stats()
        same(counted(before, after, "drops"), {reason: len(frames)}, "what is counted")
        same(counted(before, after, "answers"), {}, "registrations taken")
        check(table.bytes() == memory, "a registration that is refused changed the table")


FAREWELL = {"kind": GOODBYE, "weight": 0, "lifetime": 0}

# struct xdplb_table of xdp/xdplb.h
TABLES, LISTENERS, CHOICES = 128, 256, 512
TABLE, LISTENER = 128 + LISTENERS * 32 + 2 * (16 + 8 * CHOICES), struct.Struct("=IIQQQ")
DUE, SERVICE, MODE, FLOOR, FIRST_LISTENER = 0, 24, 32, 56, 128


class Tables:
    """The map xdplb_tables, as user space writes it."""

    memory = None

    def __init__(self):
        if Tables.memory is None:
            bpf = ctypes.CDLL("libbpf.so.1", use_errno=True)
            descriptor = bpf.bpf_obj_get(b"/sys/fs/bpf/xdplb/xdplb_tables")
            check(descriptor >= 0, "xdplb_tables: %d", ctypes.get_errno())
            size = -(-TABLES * TABLE // mmap.PAGESIZE) * mmap.PAGESIZE
            Tables.memory = mmap.mmap(descriptor, size)

    def find(self):
        """The only one that is in use."""
        used = [Table(self.memory, at * TABLE) for at in range(TABLES)]
        used = [table for table in used if table.read("I", SERVICE)]
        same(len(used), 1, "how many services have listeners that register themselves")
        return used[0]


class Table:
    def __init__(self, memory, at):
        self.memory, self.at = memory, at

    def bytes(self):
        return self.memory[self.at:self.at + TABLE]

    def read(self, form, offset):
        return struct.unpack_from("=" + form, self.memory, self.at + offset)[0]

    def write(self, form, offset, value):
        struct.pack_into("=" + form, self.memory, self.at + offset, value)

    def place(self, port):
        """Where a listener's record is."""
        for at in range(FIRST_LISTENER, FIRST_LISTENER + LISTENERS * LISTENER.size, LISTENER.size):
            if self.read("I", at) & 0xffff == port:
                return at
        return check(False, "port %d has no record", port)

    def record(self, port):
        """Weight, nanosecond of its end, counter."""
        word, _, expires, counter, _ = LISTENER.unpack_from(self.memory,
                                                            self.at + self.place(port))
        return word >> 16, expires, counter

    def counters(self, value):
        """What anybody said last, and what nobody may go below."""
        self.write("Q", FLOOR, value)
        for at in range(LISTENERS):
            self.write("Q", FIRST_LISTENER + at * LISTENER.size + 16, value)

    def ends(self, port, nanosecond):
        """Its lifetime ends then."""
        self.write("Q", self.place(port) + 8, nanosecond)
        self.write("Q", DUE, nanosecond)


def monotonic():
    """Nanosecond of the program's clock."""
    return time.clock_gettime_ns(6)  # CLOCK_MONOTONIC_COARSE


@contextlib.contextmanager
def key_file(key):
    """The words of a command that give it this key; None: none."""
    with tempfile.NamedTemporaryFile("w", encoding="ascii") as file:
        file.write(key.hex() if key else "")
        file.flush()
        yield ["--registration-key", file.name] if key else []


def set_port(number):
    run("xdplb-config", "set", f"registration-port={number}")
