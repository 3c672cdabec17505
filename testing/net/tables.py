# SPDX-License-Identifier: GPL-2.0-only
"""
tables.py DIR: a line for each map pinned there, with a hash of all its bytes; of a queue, what
comes next; a ring buffer is left out.
"""
import ctypes
import hashlib
import mmap
import os
import sys

BPF = ctypes.CDLL("libbpf.so.1", use_errno=True)
RING, QUEUE, PERCPU_ARRAY = 27, 22, 6
MMAPABLE = 1 << 10


class Info(ctypes.Structure):
    _fields_ = [("type", ctypes.c_uint32), ("id", ctypes.c_uint32), ("key", ctypes.c_uint32),
                ("value", ctypes.c_uint32), ("entries", ctypes.c_uint32),
                ("flags", ctypes.c_uint32), ("rest", ctypes.c_char * 256)]


def values(descriptor, info):
    size = (info.value + 7) // 8 * 8 * (os.cpu_count() if info.type == PERCPU_ARRAY else 1)
    value = ctypes.create_string_buffer(size)
    if info.type == QUEUE:
        BPF.bpf_map_lookup_elem(descriptor, None, value)
        yield value.raw
        return
    for at in range(info.entries):
        if BPF.bpf_map_lookup_elem(descriptor, ctypes.byref(ctypes.c_uint32(at)), value):
            sys.exit(f"cannot read entry {at}")
        yield value.raw


def digest(path):
    descriptor = BPF.bpf_obj_get(path.encode())
    info, size = Info(), ctypes.c_uint32(ctypes.sizeof(Info))
    if descriptor < 0 or BPF.bpf_obj_get_info_by_fd(descriptor, ctypes.byref(info),
                                                    ctypes.byref(size)):
        sys.exit(f"{path}: {os.strerror(ctypes.get_errno())}")
    total = hashlib.sha256()
    if info.flags & MMAPABLE:
        with mmap.mmap(descriptor, info.value * info.entries, prot=mmap.PROT_READ) as memory:
            total.update(memory)
    elif info.type != RING:
        for value in values(descriptor, info):
            total.update(value)
    os.close(descriptor)
    return total.hexdigest()


for name in sorted(os.listdir(sys.argv[1])):
    print(name, digest(os.path.join(sys.argv[1], name)))
