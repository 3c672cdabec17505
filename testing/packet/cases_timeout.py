# SPDX-License-Identifier: GPL-2.0-only
"""--timeout: how long a service's flows are remembered; udp without memory; what is counted."""
import time

from balancer import counted
from case import case, check, each_way, same
from cases_change import SOME
from cases_hash import DSR
from crowd import Cluster, expect_takers, speak
from flow import WAYS, Flow, expect_passed

OWN = [way for way in WAYS if way.family is way.via]
SHORT, LONG = 1, 600


class Timed:
    """Flows of each kind, of a service whose flows of one kind are soon forgotten."""

    def __init__(self, lb, way, proto, soon):
        times = {name: SHORT if name == soon else LONG for name in ("established", "closing",
                                                                    "udp")}
        words = ",".join(f"{name}={seconds}" for name, seconds in times.items())
        self.soon = soon
        self.cluster = Cluster(lb, way, proto, "--timeout", words, members=way.via.backends)
        self.lasting, self.over = self.cluster.opened(6), self.cluster.opened(6)
        speak(self.lasting + self.over)
        if proto == "tcp":
            speak(self.over, flags="FA")
        same(len(self.cluster.listed()), 12, "how many flows are remembered")

    def check(self):
        left = {"established": self.over, "closing": self.lasting, "udp": []}[self.soon]
        self.cluster.expect_listed(left)
        active = len(left) if self.soon == "closing" else 0
        same(self.cluster.stats()["active_flows"], active, f"active flows, {self.soon}=1")
        expect_takers(left, [flow.backend for flow in left], "those left")


@case("timeout: each kind of flow by its own", "tcp", program="xdplb_encap")
@case("timeout: each kind of flow by its own, udp", "udp", program="xdplb_encap")
def by_service(lb, proto):
    kinds = ("established", "closing") if proto == "tcp" else ("udp",)
    some = [Timed(lb, way, proto, soon) for way in OWN for soon in kinds]
    time.sleep(SHORT + 1.2)
    for one in some:
        one.check()


@case("timeout: a flow forgotten is nat's no more, its port is free again")
def forgotten(lb):
    way = WAYS[0]
    cluster = Cluster(lb, way, "tcp", "--timeout", "established=1", members=way.via.backends[:1])
    flow = cluster.opened(1)[0]
    flow.go()
    flow.back()
    time.sleep(2.2)
    before = lb.stats()
    expect_passed(lb.send(flow.sent()), flow.sent())
    same(counted(before, lb.stats(), "passed"), {"no_flow": 1}, "what is counted")
    same(lb.send(flow.replied()).verdict, "PASS", "the verdict on a late reply")
    again = Flow(lb, cluster.service, flow.client).establish()
    again.back(payload=b"x")


@case("timeout: changed while flows last, the new one counts", program="xdplb_encap")
def changed(lb):
    clusters = [Cluster(lb, way, "tcp", members=way.via.backends) for way in OWN]
    for cluster in clusters:
        speak(cluster.opened(5))
        cluster.option("--timeout", "established=1")
    time.sleep(2.2)
    for cluster in clusters:
        same(cluster.listed(), [], "what is remembered")
        same(cluster.stats()["active_flows"], 0, "active flows")


@case("timeout: only a flow with a newer packet lives on", program="xdplb_encap")
def lives(lb):
    clusters = [Cluster(lb, way, "tcp", "--timeout", "established=6", members=way.via.backends)
                for way in OWN]
    for cluster in clusters:
        cluster.lasting, silent = cluster.opened(4), cluster.opened(4)
        speak(cluster.lasting + silent)
    for _ in range(4):  # so often that a busy machine may be late
        time.sleep(2)
        for cluster in clusters:
            speak(cluster.lasting)
    for cluster in clusters:
        cluster.expect_listed(cluster.lasting)


# ---- udp without memory --------------------------------------------------------------------


@each_way("udp stateless: the owner gets it, always, and nothing is remembered", SOME,
          protos=("udp",))
def stateless(lb, way, proto):
    for scheduler in ("maglev", "sh"):
        cluster = Cluster(lb, way, proto, "--scheduler", scheduler, "--udp", "stateless",
                          members=way.via.backends)
        flows = cluster.flows(40)
        first = speak(flows)
        same(first, cluster.owners(flows), "who gets them")
        for change in (lambda: cluster.state(0, "drain"), lambda: cluster.state(0, "down"),
                       lambda: cluster.add(way.via.narrow), lambda: cluster.weight(1, 5),
                       lambda: cluster.remove(2), lambda: cluster.state(0, "up")):
            change()
            expect_takers(flows, cluster.owners(flows), "after a change", payload=b"x")
            check(set(speak(flows)) <= cluster.open(), "who is not open gets some")
        same(cluster.listed(), [], "what is remembered")


@each_way("udp stateless: and tracked again", DSR, protos=("udp",))
def tracked_again(lb, way, proto):
    cluster = Cluster(lb, way, proto, "--scheduler", "maglev", "--table-size", "1021",
                      members=way.via.backends)
    flows = cluster.opened(40)
    takers = [flow.backend for flow in flows]
    cluster.state(0, "drain")
    expect_takers(flows, takers, "tracked flows")
    cluster.option("--udp", "stateless")
    owners = cluster.owners(flows)
    expect_takers(flows, owners, "those of a service that is stateless now")
    cluster.option("--udp", "tracked")
    cluster.state(1, "drain")
    lost = [flow for flow, one, other in zip(flows, takers, owners) if one == other]
    expect_takers(lost, [flow.backend for flow in lost], "those that are tracked again")
