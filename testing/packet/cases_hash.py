# SPDX-License-Identifier: GPL-2.0-only
"""maglev and sh, while nothing changes: the hash decides, and nothing is remembered."""
from balancer import run
from case import case, check, each_way, same
from cases_fragments import expect_pieces, packet_of
from cases_icmp import ALL, Errors, expect_errors
from cases_methods import OPTIONS, packets
from crowd import Cluster, expect_takers, shares, speak
from flow import SOME_WAYS, WAYS, DsrFlow, expect_dropped
from wire import TAGS

FREE = [way for way in WAYS if not way.translates()]  # what needs no memory of flows
DSR = [way for way in FREE if way.flow is DsrFlow]
FLAGS = ("S", "A", "PA", "FA", "A", "R", "RA", "S", "SA", "", "SF")


def each_packet(proto):
    return [{"flags": flags} for flags in FLAGS] if proto == "tcp" else [{}] * 3


def deviation(count, share):
    """Five times the standard deviation of how many of `count` are among that share."""
    return 5 * (count * share * (1 - share)) ** 0.5


def expect_shares(takers, weights, what):
    """By the weights, as nearly as chance lets be expected."""
    for one, weight in weights.items():
        share = weight / sum(weights.values())
        got = takers.count(one)
        check(abs(got - len(takers) * share) <= deviation(len(takers), share),
              "%s: %s has %d of %d flows with weight %d of %d", what, one, got, len(takers),
              weight, sum(weights.values()))
    same(set(takers) - set(weights), set(), "who else has flows")


for scheduler_name in ("maglev", "sh"):
    @each_way(f"{scheduler_name}: every packet of a flow to one backend, none remembered",
              [way for way in SOME_WAYS if way in FREE], scheduler_name)
    def steady(lb, way, proto, scheduler):
        cluster = Cluster(lb, way, proto, "--scheduler", scheduler, members=way.via.backends)
        flows = cluster.flows(60)
        takers = speak(flows, **flows[0].first_fields())
        same(set(takers), cluster.open(), "who gets flows")
        for packet in each_packet(proto):
            expect_takers(flows, takers, "the same flows", payload=b"x", **packet)
        same(cluster.listed(), [], "what is remembered")
        same(cluster.stats()["active_flows"], 0, "active flows")
        opened = sum("S" == packet.get("flags") for packet in each_packet(proto)) + 1
        if proto == "tcp":
            same(cluster.stats()["new_flows"], 60 * opened, "new flows")

    @each_way(f"{scheduler_name}: shares by weight", DSR, scheduler_name)
    def shared(lb, way, proto, scheduler):
        weights = (5, 2, 1)
        cluster = Cluster(lb, way, proto, "--scheduler", scheduler, members=way.via.backends,
                          weights=weights)
        flows = cluster.flows(800)
        ends = [cluster.end(member.address) for member in cluster.members]
        expect_shares(speak(flows, **flows[0].first_fields()), dict(zip(ends, weights)),
                      scheduler)
        same(cluster.listed(), [], "what is remembered")


@each_way("maglev: packets of all kinds, fragments, errors", FREE)
def all_kinds(lb, way, proto):
    cluster = Cluster(lb, way, proto, "--scheduler", "maglev", members=way.via.backends)
    for tags in TAGS.values():
        flow = cluster.flows(1)[0]
        flow.open(tags=tags)
        flow.go_all([{**packet, "tags": tags} for packet in packets(proto)])
        flow.go_all([{"payload": b"x", "tags": tags, **options} for options in OPTIONS])
    flow = cluster.opened(1)[0]
    flow.service_changed = False
    for kind in range(4):
        expect_pieces(flow, packet_of(lb, kind))
        expect_pieces(flow, packet_of(lb, kind), (0, 2, 1))
    expect_errors(flow, [Errors(flow).up(ALL), Errors(flow, **OPTIONS[0]).up(8)])
    same(cluster.listed(), [], "what is remembered")


@each_way("maglev: what is dropped of tracked flows is dropped of others too", FREE)
def dropped(lb, way, proto):
    cluster = Cluster(lb, way, proto, "--scheduler", "maglev", members=way.via.backends)
    flow = cluster.opened(1)[0]
    if way.flow is not DsrFlow:
        expect_dropped(lb, [flow.sent(ip={"ttl": 1}), flow.first(ip={"ttl": 1})], "ttl")
    nobodies = ("127.0.0.1", "0.0.0.0", "224.0.0.1", "255.255.255.255", way.family.vip)
    if way.family.version == 6:
        nobodies = ("::1", "::", "ff02::1", way.family.vip)
    strangers = [cluster.flows(1, (address, 4000))[0] for address in nobodies]
    expect_dropped(lb, [one.first() for one in strangers], "bad_source")
    expect_dropped(lb, [one.sent(payload=b"x") for one in strangers], "bad_source")
    expect_dropped(lb, [cluster.flows(1, (flow.client[0], 0))[0].sent()], "bad_header")
    if way.is_tunnel():
        lb.program = "xdplb"
        expect_dropped(lb, [flow.sent(), flow.first()], "no_encap")


@each_way("sh: a client's flows to one backend, whatever their ports", SOME_WAYS)
def one_client(lb, way, proto):
    cluster = Cluster(lb, way, proto, "--scheduler", "sh", members=way.via.backends)
    takers = set()
    for _ in range(12):
        address = lb.client(way.family)[0]
        flows = [cluster.flows(1, (address, 5000 + 77 * at))[0] for at in range(8)]
        ends = set(speak(flows, **flows[0].first_fields()))
        same(len(ends), 1, f"how many backends the flows of {address} go to")
        takers |= ends
    check(len(takers) > 1, "all clients to %s", takers)


@each_way("maglev: a client's flows to all backends", SOME_WAYS)
def one_client_spread(lb, way, proto):
    cluster = Cluster(lb, way, proto, "--scheduler", "maglev", members=way.via.backends)
    address = lb.client(way.family)[0]
    flows = [cluster.flows(1, (address, 5000 + 77 * at))[0] for at in range(60)]
    takers = speak(flows, **flows[0].first_fields())
    same(set(takers), cluster.open(), "who gets flows")


@each_way("maglev and sh by nat and dnat: remembered, both ways", [w for w in WAYS
                                                                  if w.translates()])
def translated(lb, way, proto):
    for scheduler in ("maglev", "sh"):
        cluster = Cluster(lb, way, proto, "--scheduler", scheduler, members=way.via.backends)
        flows = cluster.opened(30)
        takers = [flow.backend for flow in flows]
        check(len(set(takers)) > 1, "all flows to %s", takers[0])
        expect_takers(flows, takers, "the same flows", payload=b"x")
        for flow in flows[::10]:
            flow.back(payload=b"answer")
        cluster.expect_listed(flows)
        same(cluster.stats()["active_flows"], 30, "active flows")
        same(cluster.owners(flows) if way.flow.method == "nat" else takers, takers,
             "the owners of their slots")
        cluster.weight(0, 20)
        expect_takers(flows, takers, "the same flows after a change", payload=b"y")
        cluster.state(1, "drain")
        expect_takers(flows, takers, "the same flows, one backend drained", payload=b"z")
        same(set(speak(cluster.flows(20), **flows[0].first_fields())) <= cluster.open(), True,
             "new flows to who is open")


# ---- seeds -----------------------------------------------------------------------------


def choices(lb, way, proto, scheduler, seed, order, clients):
    """Who gets these clients' flows on a balancer with this seed, backends in this order."""
    lb.flush()
    run("xdplb-config", "set", f"seed={seed}")
    members = [way.via.backends[at] for at in order]
    cluster = Cluster(lb, way, proto, "--scheduler", scheduler, members=members)
    lb.next_port -= 1  # the next one has the same, which is its backends' too
    flows = [cluster.flows(1, client)[0] for client in clients]
    return speak(flows, **flows[0].first_fields())


@each_way("seeds: one seed, one choice, whatever the order; another seed, another",
          DSR)
def seeds(lb, way, proto):
    clients = [lb.client(way.family) for _ in range(100)]
    seed, other = "0123456789abcdef" * 2, "1123456789abcdef" * 2
    try:
        for scheduler in ("maglev", "sh"):
            first = choices(lb, way, proto, scheduler, seed, (0, 1, 2), clients)
            same(choices(lb, way, proto, scheduler, seed, (2, 0, 1), clients), first,
                 "the choices with the same seed, another order")
            for unlike in (other, seed[::-1]):
                got = choices(lb, way, proto, scheduler, unlike, (0, 1, 2), clients)
                equal = sum(one == two for one, two in zip(first, got))
                check(equal < 60, "%d of 100 choices are equal with another seed", equal)
    finally:
        lb.flush()
        lb.seed()


@case("seeds: refused while there are services")
def seed_refused(lb):
    WAYS[0].service(lb)
    try:
        run("xdplb-config", "set", "seed=random")
    except Exception as error:
        check("seed" in str(error), "says: %s", error)
        return
    check(False, "taken though there is a service")
