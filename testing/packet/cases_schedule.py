# SPDX-License-Identifier: GPL-2.0-only
"""Who takes a new flow."""
import subprocess
import time

from balancer import BACKENDS, CLIENT, FAMILIES, V4, name_of
from case import case, check, each_way, same
from crowd import Cluster, expect_takers, shares, speak
from flow import SOME_WAYS, WAYS, Flow


def takers(lb, service, count, first_port=20000):
    """The letters of the backends that new flows go to, in order."""
    flows = [Flow(lb, service, (CLIENT, first_port + i)).open() for i in range(count)]
    return "".join("abc"[BACKENDS.index(flow.backend[0])] for flow in flows)


@case("syn to alternating backends", "tcp")
@case("datagrams of new clients to alternating backends", "udp")
def alternate(lb, proto):
    service = lb.service(*BACKENDS[:2], proto=proto)
    same(takers(lb, service, 8), "abababab", "the sequence")


@case("rr: three backends in turn, whatever their weights")
def rr(lb):
    service = lb.service(f"{BACKENDS[0]},weight=5", *BACKENDS[1:], options=["--scheduler", "rr"])
    same(takers(lb, service, 9), "abcabcabc", "the sequence")


@case("smooth wrr 5:1:1 is a a b a c a a")
def smooth(lb):
    service = lb.service(f"{BACKENDS[0]},weight=5", *BACKENDS[1:])
    same(takers(lb, service, 14), "aabacaa" * 2, "the sequence")


@case("smooth wrr 3:2")
def smooth_two(lb):
    service = lb.service(f"{BACKENDS[0]},weight=3", f"{BACKENDS[1]},weight=2")
    same(takers(lb, service, 10), "ababa" * 2, "the sequence")


@case("a repeated syn stays with its backend")
def repeated(lb):
    service = lb.service(*BACKENDS[:2])
    flow = Flow(lb, service).open()
    for _ in range(3):
        flow.go(flags="S")
    same(lb.service_stats(service)["new_flows"], 1, "new_flows")


@case("backend ports differ from the service's and from each other")
def backend_ports(lb):
    service = lb.service(f"{BACKENDS[0]}:8001", f"{BACKENDS[1]}:8002", f"{BACKENDS[0]}:8003")
    flows = [Flow(lb, service, (CLIENT, 21000 + i)).open() for i in range(3)]
    for flow in flows:
        flow.back(flags="SA")
    same([flow.backend for flow in flows],
         [(BACKENDS[0], 8001), (BACKENDS[1], 8002), (BACKENDS[0], 8003)], "the backends")


@case("drain takes no new flow, keeps the old; backup waits")
def drain(lb):
    service = lb.service(*BACKENDS[:2])
    old = Flow(lb, service).establish()
    lb.set_backends(service, [f"{BACKENDS[0]},state=drain", BACKENDS[1],
                              f"{BACKENDS[2]},state=backup"])
    same(takers(lb, service, 4), "bbbb", "the sequence")
    old.go(payload=b"still here")
    old.back(payload=b"me too")
    lb.set_backends(service, [f"{BACKENDS[0]},state=drain", f"{BACKENDS[2]},state=backup"])
    same(takers(lb, service, 2, 20010), "cc", "the sequence")


# ---- exact, over any way of forwarding ---------------------------------------------------


def ends_of(cluster):
    return [cluster.end(member.address) for member in cluster.members]


@each_way("rr and wrr: any run as long as the sequence has the weights exactly", SOME_WAYS)
def exact(lb, way, proto):
    for scheduler, weights in (("rr", (4, 1, 2)), ("wrr", (7, 2, 3)), ("wrr", (5, 5, 5))):
        cluster = Cluster(lb, way, proto, "--scheduler", scheduler, members=way.via.backends,
                          weights=weights)
        if scheduler == "rr" or len(set(weights)) == 1:
            weights = (1, 1, 1)
        period, ends = sum(weights), ends_of(cluster)
        flows = cluster.flows(4 * period)
        takers = speak(flows, **flows[0].first_fields())
        for at in range(3 * period):
            run = takers[at:at + period]
            same([run.count(end) for end in ends], list(weights),
                 f"{scheduler}: who gets flows {at} to {at + period - 1}")
        expect_takers(flows, takers, "the same flows", payload=b"x")
        cluster.expect_listed(flows)


def expect_least(counts, weights, what):
    """No backend is a flow or more from its share."""
    for count, weight in zip(counts, weights):
        ideal = sum(counts) * weight / sum(weights)
        check(abs(count - ideal) < 1, "%s: %s flows by weights %s", what, counts, weights)


@each_way("lc and wlc: never a flow from the ideal, flows opened one by one", SOME_WAYS)
def least(lb, way, proto):
    for scheduler, weights in (("lc", (9, 1, 1)), ("wlc", (5, 3, 1)), ("wlc", (10, 1, 7))):
        cluster = Cluster(lb, way, proto, "--scheduler", scheduler, members=way.via.backends,
                          weights=weights)
        weights = (1, 1, 1) if scheduler == "lc" else weights
        counts, ends = [0, 0, 0], ends_of(cluster)
        flows = cluster.flows(45)
        for taker in speak(flows, **flows[0].first_fields()):
            counts[ends.index(taker)] += 1
            expect_least(counts, weights, scheduler)
        stats = cluster.stats()["backends"]
        same([one["active_flows"] for one in stats], counts, "the active flows")


ENDS = {
    "rst": lambda flow: flow.go(flags="R"),
    "fin": lambda flow: flow.go(flags="FA"),
}


@each_way("lc: whose flows end gets the next ones", SOME_WAYS, protos=("tcp",))
def ended(lb, way, proto):
    cluster = Cluster(lb, way, proto, "--scheduler", "lc", members=way.via.backends)
    flows, ends = cluster.opened(30), ends_of(cluster)
    for name, end in zip(ENDS, ends):
        over = [flow for flow in flows if flow.backend == end]
        same(len(over), 10, "how many flows it has")
        for flow in over:
            ENDS[name](flow)
        same(cluster.stats()["active_flows"], 20, f"active flows after {name}")
        new = cluster.opened(10)
        same({flow.backend for flow in new}, {end}, f"who gets new flows after {name}")
        flows = [flow for flow in flows if flow not in over] + new


@each_way("p2c: shares by weight, the less busy of two", [way for way in WAYS
                                                          if way.flow.method in ("nat", "dsr")])
def of_two(lb, way, proto):
    weights = (4, 2, 1, 1)
    members = [*way.via.backends, way.via.narrow]
    cluster = Cluster(lb, way, proto, "--scheduler", "p2c", members=members, weights=weights)
    flows, ends = cluster.opened(400), ends_of(cluster)
    counts = [sum(flow.backend == end for flow in flows) for end in ends]
    for count, weight in zip(counts, weights):
        # By chance alone the standard deviation would be 10.
        check(abs(count - 50 * weight) <= 15, "%s flows by weights %s", counts, weights)
    if proto == "tcp":
        for flow in flows:
            if flow.backend == ends[0]:
                flow.go(flags="R")
        new = cluster.opened(40)
        got = sum(flow.backend == ends[0] for flow in new)
        check(got > 18, "of 40 flows %d go to who has none", got)


@case("lc, wlc: of more than 256 backends the less busy of two, and says so")
def many(lb):
    for count, said in ((256, False), (258, True)):
        words = [f"{address}:{9000 + at}" for at in range(86) for address in BACKENDS][:count]
        service = lb.service(*words[:1], options=["--scheduler", "lc"])
        done = subprocess.run(["xdplb-config", "set-backends", name_of(service), *words],
                              capture_output=True, text=True, timeout=30)
        same(done.returncode, 0, f"the status, which says {done.stderr}")
        same("p2c" in done.stderr, said, f"a warning of p2c with {count} backends")
        flows = [Flow(lb, service, lb.client(FAMILIES[4])) for _ in range(2 * count)]
        takers = shares(speak(flows, flags="S"))
        if not said:
            same(set(takers.values()), {2}, "how many flows each has")
        # By chance alone somebody would have seven.
        check(max(takers.values()) <= 4, "one has %d flows of %d", max(takers.values()), len(flows))


@each_way("backup: only while no other is up", SOME_WAYS)
def backup(lb, way, proto):
    for scheduler in ("wrr", "maglev", "lc"):
        cluster = Cluster(lb, way, proto, "--scheduler", scheduler, members=way.via.backends,
                          states=("up", "backup", "backup"))
        ends = ends_of(cluster)
        first = cluster.opened(12)
        same({flow.backend for flow in first}, {ends[0]}, "who gets flows while one is up")
        cluster.state(0, "drain")
        if scheduler == "maglev" and proto == "udp" and not way.translates():
            continue  # in the window, datagrams are taken for those of older flows
        second = cluster.opened(24)
        same({flow.backend for flow in second}, {*ends[1:]}, "who gets flows while none is up")
        expect_takers(first, [ends[0]] * 12, "flows from before", payload=b"x")
        cluster.state(0, "up")
        takers = [flow.backend for flow in second]
        expect_takers(second, takers, "flows of the backups'", payload=b"x")
        same({flow.backend for flow in cluster.opened(12)}, {ends[0]}, "when it is up again")


# ---- slow start ------------------------------------------------------------------------------

# Three services of each kind, one of which is at each point of its slow start when it is looked at
# (seconds that it takes, seconds after the new backend came).
POINTS = [(100, 0), (12, 6), (4, 5.1)]
COUNT = 120


def share_then(fraction):
    """Of one beside two others, of whose weight it has but a fraction."""
    return fraction / (2 + fraction)


def deviation(share):
    """That chance alone would not pass once in thousands, and rounding."""
    return 0.02 + 3.5 * (share * (1 - share) / COUNT) ** 0.5


class Ramp:
    """A service of two backends; a third comes up slowly."""

    def __init__(self, lb, way, proto, scheduler, point):
        self.scheduler, self.point = scheduler, point
        self.cluster = Cluster(lb, way, proto, "--scheduler", scheduler, "--slow-start",
                               str(point[0]), members=way.via.backends[:2])
        self.old = self.cluster.opened(COUNT)
        self.at = [flow.backend for flow in self.old]
        self.cluster.add(way.via.backends[2])
        self.began = time.monotonic()

    def wait(self):
        time.sleep(max(0, self.began + self.point[1] - time.monotonic()))

    def wrong(self):
        """What is wrong with the new backend's share."""
        end, seconds = ends_of(self.cluster)[2], self.point[0]
        since = max(0, time.monotonic() - self.began - 1)  # by a clock of whole seconds
        share = [flow.backend for flow in self.cluster.opened(COUNT)].count(end) / COUNT
        until = time.monotonic() - self.began + 1
        least, most = (share_then(min(1, at / seconds)) for at in (since, until))
        least, most = least - deviation(least), most + deviation(most)
        if self.scheduler in ("wlc", "p2c"):
            # By these it catches up with the others: its share is of all flows.
            share /= 2
            least /= 2
        expect_takers(self.old, self.at, "flows from before", payload=b"x")
        return "" if least <= share <= most else f"{self.cluster}: {share:.2f}"


@case("slow start: a new backend's share grows", "tcp")
@case("slow start: a new backend's share grows, udp", "udp")
def slow_start(lb, proto):
    """Not of udp by maglev or sh without memory: datagrams are taken for those of older flows."""
    ramps = [Ramp(lb, way, proto, scheduler, point) for point in POINTS
             for way in WAYS if way.flow.method in ("nat", "dsr") and way.family is V4
             for scheduler in ("wrr", "wlc", "p2c", "maglev", "sh")
             if way.translates() or proto == "tcp" or scheduler not in ("maglev", "sh")]
    wrong = []
    for ramp in sorted(ramps, key=lambda ramp: ramp.began + ramp.point[1]):
        ramp.wait()
        wrong.append(ramp.wrong())
    check(not any(wrong), "%s", "; ".join(filter(None, wrong)))
