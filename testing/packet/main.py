# SPDX-License-Identifier: GPL-2.0-only
"""
main.py INJECT [-v] [PATTERN]...: runs the cases, in the balancer's network namespace; with
XDPLB_PART=0/3, 1/3 or 2/3 in the environment a third of them.
"""
import os
import sys

import balancer
import case
import cases_forward  # noqa: F401  each registers its cases
import cases_schedule  # noqa: F401
import cases_hash  # noqa: F401
import cases_change  # noqa: F401
import cases_ask  # noqa: F401
import cases_room  # noqa: F401
import cases_affinity  # noqa: F401
import cases_timeout  # noqa: F401
import cases_pass  # noqa: F401
import cases_methods  # noqa: F401
import cases_icmp  # noqa: F401
import cases_fragments  # noqa: F401
import cases_mtu  # noqa: F401
import cases_echo  # noqa: F401
import cases_vlan  # noqa: F401
import cases_broken  # noqa: F401
import cases_flow  # noqa: F401
import cases_stats  # noqa: F401
import cases_ports  # noqa: F401
import cases_monitor  # noqa: F401
import cases_fuzz  # noqa: F401
import cases_load  # noqa: F401
import cases_local  # noqa: F401
import cases_registration  # noqa: F401
import cases_explain  # noqa: F401


def main(inject, *words):
    patterns = [word for word in words if word != "-v"]
    part, parts = os.environ.get("XDPLB_PART", "0/1").split("/")
    ran, failed = case.run_all(balancer.Balancer(inject), patterns, "-v" in words, int(part),
                               int(parts))
    print(f"packet: {ran} cases, {failed} failed")
    return 1 if failed or not ran else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
