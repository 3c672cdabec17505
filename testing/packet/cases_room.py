# SPDX-License-Identifier: GPL-2.0-only
"""A flow table with no room: who is remembered, who gives way, where the others go."""
from case import check, each_way, same
from crowd import Cluster, expect_takers, speak
from flow import SENT, WAYS, DnatFlow, Flow
from live import Config

BUCKETS = 8  # of four flows


class Small:
    """A flow table of a few buckets, while this lasts."""

    def __init__(self, lb):
        self.lb = lb

    def __enter__(self):
        self.before = Config(self.lb).flow_buckets(BUCKETS)

    def __exit__(self, *_):
        self.lb.flush()
        Config(self.lb).flow_buckets(self.before)


def reasons(lb):
    stats = lb.stats()
    return {**stats["flows"], "table_full": stats["drops"]["table_full"]}


def grew(lb, before):
    now = reasons(lb)
    return {name: now[name] - before[name] for name in ("no_room", "table_full", "evicted")
            if now[name] != before[name]}


def fill(cluster):
    """As many established flows as the table takes."""
    flows = cluster.flows(3 * 4 * BUCKETS)
    for flow in flows:
        result = cluster.lb.send(flow.first())
        if result.verdict not in SENT:
            continue
        flow.learn(result)
        speak([flow], payload=b"x")
    listed = cluster.listed()
    same(len(listed), 4 * BUCKETS, "how many flows fill the table")
    known = {(line["client"], line["client_port"]) for line in listed}
    if cluster.way.family.version == 4:
        return [flow for flow in flows if flow.client in known]
    return None


V4WAYS = [way for way in WAYS if way.family.version == way.via.version == 4]


@each_way("a full flow table: nat drops new flows, others send them by their hash", V4WAYS)
def full(lb, way, proto):
    cluster = Cluster(lb, way, proto, "--scheduler", "wrr", members=way.via.backends)
    with Small(lb):
        lasting = fill(cluster)
        takers = [flow.backend for flow in lasting]
        before = reasons(lb)
        new = cluster.flows(20)
        if way.flow is Flow:
            results = lb.send_all([flow.first() for flow in new])
            same({result.verdict for result in results}, {"DROP"}, "the verdicts of new flows")
            same(grew(lb, before), {"table_full": 20}, "what is counted")
        else:
            homes = speak(new, **new[0].first_fields())
            check(len(set(homes)) > 1, "all new flows go to %s", homes[0])
            expect_takers(new, homes, "the new flows' later packets", payload=b"x")
            # TCP that is no SYN was not to be remembered in the first place, but by dnat.
            counted = 20 if proto == "tcp" and way.flow is not DnatFlow else 40
            same(grew(lb, before), {"no_room": counted}, "what is counted")
        expect_takers(lasting, takers, "the remembered flows", payload=b"y")
        same(len(cluster.listed()), 4 * BUCKETS, "how many are remembered")


@each_way("a full flow table: what ended gives way at once", V4WAYS, protos=("tcp",))
def ended(lb, way, proto):
    cluster = Cluster(lb, way, proto, "--scheduler", "wrr", members=way.via.backends)
    with Small(lb):
        lasting = fill(cluster)
        for at, flow in enumerate(lasting):
            if at % 4:
                flow.go(flags="R")
        before = reasons(lb)
        new = cluster.flows(6)
        for flow in new:
            flow.open()
            flow.go(payload=b"x")
        same(grew(lb, before), {}, "what is counted as evicted or without room")
        check(reasons(lb)["expired"] >= before["expired"] + 6, "what is over is not counted")
        known = {(line["client"], line["client_port"]) for line in cluster.listed()}
        check(all(flow.client in known for flow in new), "a new flow is not remembered")
        check(all(flow.client in known for flow in lasting[::4]), "a lasting flow is forgotten")


@each_way("a flood of first packets: established flows stay, new ones get in", V4WAYS)
def flood(lb, way, proto):
    cluster = Cluster(lb, way, proto, "--scheduler", "wrr", members=way.via.backends)
    with Small(lb):
        lasting = cluster.flows(2 * BUCKETS)
        for flow in lasting:
            flow.open()
            flow.go(payload=b"x")
        takers = [flow.backend for flow in lasting]
        before = reasons(lb)
        lb.send_all([flow.first() for flow in cluster.flows(600)])
        check(grew(lb, before).get("evicted", 0) > 500, "counted: %s", grew(lb, before))
        expect_takers(lasting, takers, "the established flows", payload=b"y")
        honest = cluster.flows(1)[0].open()
        honest.go(payload=b"z")
        lb.send_all([flow.first() for flow in cluster.flows(200)])
        expect_takers(lasting + [honest], takers + [honest.backend], "all flows", payload=b"z")


@each_way("a full flow table, in a window of maglev: old flows still go where they were",
          [way for way in V4WAYS if not way.translates()])
def full_window(lb, way, proto):
    filler = Cluster(lb, way, proto, "--scheduler", "wrr", members=way.via.backends)
    cluster = Cluster(lb, way, proto, "--scheduler", "maglev", "--table-size", "1021",
                      members=way.via.backends)
    old = cluster.opened(40)
    olds = [flow.backend for flow in old]
    with Small(lb):
        fill(filler)
        cluster.state(0, "drain")
        before = reasons(lb)
        for payload in (b"x", b"y"):
            expect_takers(old, olds, "flows from before", payload=payload)
        moves = sum(one != other for one, other in zip(olds, cluster.owners(old)))
        same(grew(lb, before), {"no_room": 2 * moves}, "what is counted")
        if proto == "tcp":
            new = cluster.flows(20)
            homes = speak(new, flags="S")
            expect_takers(new, homes, "new flows", payload=b"x")
        same(cluster.listed(), [], "what is remembered")


@each_way("flows whose first packet ends them fill no table",
          [way for way in V4WAYS if way.flow is DnatFlow], protos=("tcp",))
def endings(lb, way, proto):
    cluster = Cluster(lb, way, proto, "--scheduler", "wrr", members=way.via.backends)
    with Small(lb):
        for flow in cluster.flows(2 * 4 * BUCKETS):
            for flags in ("FA", "R"):
                check(lb.send(flow.sent(flags=flags)).verdict in SENT, "%s is not sent", flags)
        same(cluster.listed(), [], "what is remembered")
