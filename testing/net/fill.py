# SPDX-License-Identifier: GPL-2.0-only
"""
fill.py MAP KEYS: a pinned directory gets so many keys more that are nobody's, each where there is room.
"""
import ctypes
import mmap
import struct
import sys

ENTRY = struct.Struct("=QII")  # key, index, spilled
ENTRIES = 16384 * 4

BPF = ctypes.CDLL("libbpf.so.1", use_errno=True)
keys = int(sys.argv[2])
with mmap.mmap(BPF.bpf_obj_get(sys.argv[1].encode()), ENTRIES * ENTRY.size) as memory:
    for at in range(0, len(memory), ENTRY.size):
        if not keys:
            break
        if not ENTRY.unpack_from(memory, at)[0]:
            struct.pack_into("=Q", memory, at, 0xffff << 48 | at + 1)
            keys -= 1
