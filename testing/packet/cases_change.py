# SPDX-License-Identifier: GPL-2.0-only
"""Backends come and go, options change: flows stay where they are, remembered only where needed."""
import random
import time

from case import case, check, each_way, same
from cases_hash import FREE
from crowd import Cluster, expect_takers, speak
from flow import TUNNELS, WAYS, expect_dropped

SCHEDULERS = ("rr", "wrr", "lc", "wlc", "sh", "maglev", "p2c")
FLOWS = 40

# What happens to a service of three backends, and a fourth that is not in it yet.
CHANGES = {
    "one added": lambda cluster: cluster.add(cluster.way.via.narrow),
    "one drained": lambda cluster: cluster.state(2, "drain"),
    "one removed": lambda cluster: cluster.remove(2),
    "one drained, then removed": lambda cluster: (cluster.state(1, "drain"), cluster.remove(1)),
    "one down": lambda cluster: cluster.state(2, "down"),
    "one as backup": lambda cluster: cluster.state(0, "backup"),
    "other weights": lambda cluster: (cluster.weight(0, 5), cluster.weight(1, 3)),
    "all backup but a new one": lambda cluster: (
        cluster.add(cluster.way.via.narrow), [cluster.state(at, "backup") for at in range(3)]),
}


def after_change(cluster, olds, owners):
    """Where flows are that were at `olds`, and whose slots' owners now are `owners`."""
    dead = {cluster.end(member.address) for member in cluster.members if member.state == "down"}
    return [new if old in dead else old for old, new in zip(olds, owners)]


def moved(flows, olds, owners):
    """Those whose slot has another owner than before."""
    return [flow for flow, old, new in zip(flows, olds, owners) if old != new]


def adopted(lb):
    return lb.stats()["flows"]["adopted"]


def window(lb, way, proto, change):
    cluster = Cluster(lb, way, proto, "--scheduler", "maglev", members=way.via.backends)
    old, new = cluster.opened(FLOWS), cluster.flows(FLOWS)
    olds, others = [flow.backend for flow in old], cluster.owners(new)
    same(cluster.owners(old), olds, "the owners, as another service tells")
    CHANGES[change](cluster)
    owners, new_owners = cluster.owners(old), cluster.owners(new)
    moves = moved(old, olds, owners)
    check(0 < len(moves) < FLOWS or change.startswith("all"), "%d flows move", len(moves))
    before, wanted = adopted(lb), after_change(cluster, olds, owners)
    for payload in (b"", b"again"):
        expect_takers(old, wanted, "flows from before", payload=payload)
        same(adopted(lb) - before, len(moves), "how many are adopted")
    if proto == "tcp":
        expect_takers(old, wanted, "flows from before that send SYN", flags="S")
        expect_takers(new, new_owners, "new flows", flags="S")
    else:  # a datagram does not say that it is a flow's first
        expect_takers(new, after_change(cluster, others, new_owners), "new flows")
        moves += moved(new, others, new_owners)
        same(adopted(lb) - before, len(moves), "how many are adopted")
    expect_takers(new, [flow.backend for flow in new], "new flows again", payload=b"again")
    cluster.expect_listed(moved(old, olds, owners) + moved(new, others, new_owners))
    remembered = len(moved(old, olds, owners) + moved(new, others, new_owners))
    same(cluster.stats()["active_flows"], remembered, "active flows")
    expect_takers(old, wanted, "flows from before, in the end", flags="FA")


SOME = [way for way in FREE if way.family is way.via]
for change_name in CHANGES:
    each_way(f"maglev, {change_name}: flows stay, those whose slots moved are remembered",
             SOME if change_name != "one added" else FREE, change_name)(
                 lambda lb, way, proto, change: window(
                     lb, way, proto, change) if proto == "tcp" else udp_window(
                         lb, way, change))


def udp_window(lb, way, change):
    window(lb, way, "udp", change)
