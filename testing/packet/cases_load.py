# SPDX-License-Identifier: GPL-2.0-only
"""What it takes to load the programs."""
import ctypes
import json
import os

from balancer import run
from case import case, check

# A third of what the kernel allows: other compilers and kernels need up to twice as many.
MOST = 333333


def verified(program):
    """How many instructions the verifier looked at."""
    bpf = ctypes.CDLL("libbpf.so.1", use_errno=True)
    descriptor = bpf.bpf_prog_get_fd_by_id(program)
    check(descriptor >= 0, "program %d: errno %d", program, ctypes.get_errno())
    try:
        with open(f"/proc/self/fdinfo/{descriptor}", encoding="ascii") as file:
            fields = dict(line.split(":") for line in file)
    finally:
        os.close(descriptor)
    return int(fields["verified_insns"])


@case("load: the verifier looks at no more than a third of the instructions that it may")
def instructions(_lb):
    interfaces = json.loads(run("xdplb-config", "-j", "status"))["balancers"][0]["interfaces"]
    check(len(interfaces) > 1, "of two programs %d are here", len(interfaces))
    for interface in interfaces:
        count = verified(interface["program_id"])
        check(0 < count <= MOST, "%s: %d instructions", interface["program"], count)
