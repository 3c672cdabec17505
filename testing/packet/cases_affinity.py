# SPDX-License-Identifier: GPL-2.0-only
"""--affinity: a client's new flows go where its last ones went."""
import time

from balancer import V4
from case import case, check, each_way, same
from crowd import Cluster, expect_takers, speak
from flow import SOME_WAYS

SCHEDULERS = ("rr", "wrr", "lc", "wlc", "sh", "maglev", "p2c")
CLIENTS = 14


def clients(lb, way, count=CLIENTS):
    return [lb.client(way.family)[0] for _ in range(count)]


def flows_of(cluster, address, count, first=3000):
    """Flows of one client."""
    return [cluster.flows(1, (address, first + 13 * at))[0] for at in range(count)]


def opened(cluster, address, count, first=3000):
    """Of one client, their first packets sent: the flows, and the one backend that has them."""
    flows = flows_of(cluster, address, count, first)
    takers = speak(flows, **flows[0].first_fields())
    same(len(set(takers)), 1, f"how many backends {address} has")
    return flows, takers[0]


def sticky(cluster):
    return [line for line in cluster.listed() if line["state"] == "sticky"]


@each_way("affinity: a client's flows to one backend, by every scheduler", SOME_WAYS)
def every_scheduler(lb, way, proto):
    for scheduler in SCHEDULERS:
        cluster = Cluster(lb, way, proto, "--scheduler", scheduler, "--affinity", "client",
                          members=way.via.backends)
        served = {}
        for address in clients(lb, way):
            flows, served[address] = opened(cluster, address, 2)
            speak(flows, payload=b"x")
        check(len(set(served.values())) > 1, "%s: all clients to one", scheduler)
        for address in reversed(served):
            again = opened(cluster, address, 2, 4000)[1]
            same(again, served[address], f"{scheduler}: the backend of {address}")
        same(len(sticky(cluster)), CLIENTS, "how many clients are remembered")
        same(cluster.stats()["active_flows"], 4 * CLIENTS, "active flows")


@each_way("affinity: clients of one network to one backend, where a prefix says so", SOME_WAYS)
def prefix(lb, way, proto):
    bits, place = (24, "198.18.{}.{}") if way.family is V4 else (112, "2001:db8:2::{:x}:{:x}")
    for scheduler in ("wrr", "maglev"):
        cluster = Cluster(lb, way, proto, "--scheduler", scheduler, "--affinity", f"client/{bits}",
                          members=way.via.backends)
        takers = set()
        for network in range(1, CLIENTS + 1):
            addresses = [place.format(network, host) for host in (1, 77, 254)]
            flows = [flows_of(cluster, address, 1, 5000 + at)[0]
                     for at, address in enumerate(addresses)]
            network_takers = set(speak(flows, **flows[0].first_fields()))
            same(len(network_takers), 1, f"{scheduler}: how many backends a network has")
            takers |= network_takers
        check(len(takers) > 1, "%s: all networks to one", scheduler)
        same(len(sticky(cluster)), CLIENTS, "how many networks are remembered")


@each_way("affinity: not to a drained backend, nor one that is down or gone", SOME_WAYS)
def leaves(lb, way, proto):
    cluster = Cluster(lb, way, proto, "--affinity", "client", members=way.via.backends)
    addresses = clients(lb, way, 9)
    served = {address: opened(cluster, address, 2) for address in addresses}
    away = [lambda at: cluster.state(at, "drain"), cluster.remove, lambda at: (
        cluster.add(way.via.narrow), cluster.state(at, "down"))]
    for at, leave in enumerate(away):
        end = cluster.end(cluster.member(0 if at else 1).address)
        leave(0 if at else 1)
        for address, (flows, before) in served.items():
            now = opened(cluster, address, 1, 6000 + 100 * at)[1]
            check(now == before if before in cluster.open() else now in cluster.open(),
                  "change %d: %s went from %s to %s", at, address, before, now)
            if at < 2:
                expect_takers(flows, [flows[0].backend] * 2, "its older flows", payload=b"x")
            served[address] = flows, now
        check(end not in cluster.open(), "the case is not what it should be")


@each_way("affinity: the flows that a dead backend had go where the client's new ones go", SOME_WAYS)
def dead(lb, way, proto):
    cluster = Cluster(lb, way, proto, "--affinity", "client", members=way.via.backends)
    flows = {address: opened(cluster, address, 3) for address in clients(lb, way, 6)}
    cluster.state(0, "down")
    for address, (some, before) in flows.items():
        takers = set(speak(some, payload=b"x"))
        same(len(takers), 1, f"how many backends {address} has")
        check(before not in cluster.open() or takers == {before}, "%s moved to %s", address, takers)
        same(opened(cluster, address, 1, 7000)[1], *takers, f"the backend of {address}")


@case("affinity: ends when its time is over, after the last flow", "tcp", program="xdplb_encap")
@case("affinity: ends when its time is over, after the last flow, udp", "udp",
      program="xdplb_encap")
def ends(lb, proto):
    short = ["--affinity", "client,6", "--timeout",
             "closing=1" if proto == "tcp" else "udp=1"]
    clusters = [Cluster(lb, way, proto, *short, members=way.via.backends[:2])
                for way in SOME_WAYS]
    before = []
    for cluster in clusters:
        addresses = clients(lb, cluster.way, 2)  # the third flow's turn is another backend's
        before.append([(address, opened(cluster, address, 1)) for address in addresses])
    time.sleep(4)
    for cluster, some in zip(clusters, before):  # the first client goes on, the other is silent
        speak(some[0][1][0], payload=b"x")
    time.sleep(4)
    for cluster, ((first, (flows, taker)), (second, (_, other))) in zip(clusters, before):
        speak(flows, payload=b"x")
        check(taker != other, "both clients have one backend")
        same(opened(cluster, first, 1, 7000)[1], taker, "the backend of who went on")
        # Only now would it be the first backend's turn.
        same(opened(cluster, second, 1, 7000)[1], taker, "the backend of who was silent")


@each_way("affinity: taken away, and given again", SOME_WAYS)
def switched(lb, way, proto):
    cluster = Cluster(lb, way, proto, "--affinity", "client", members=way.via.backends)
    address = clients(lb, way, 1)[0]
    flows, taker = opened(cluster, address, 3)
    cluster.option("--affinity", "none")
    more = flows_of(cluster, address, 6, 8000)
    check(len(set(speak(more, **more[0].first_fields()))) > 1, "still all to one")
    cluster.option("--affinity", "client")
    expect_takers(flows, [taker] * 3, "the first flows", payload=b"x")
    # Whatever it is now: one.
    opened(cluster, address, 6, 9000)
