# SPDX-License-Identifier: GPL-2.0-only
"""Backends come and go, options change: flows stay where they are, remembered only where needed."""
import random
import time

from balancer import V4, V6
from case import case, check, each_way, same
from cases_hash import DSR, FREE
from crowd import Cluster, expect_takers, speak
from flow import WAYS, GueFlow, expect_dropped

SCHEDULERS = ("rr", "wrr", "lc", "wlc", "sh", "maglev", "p2c")
FLOWS = 30

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
    cluster = Cluster(lb, way, proto, "--scheduler", "maglev", "--table-size", "1021",
                      members=way.via.backends)
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
    expect_takers(old, wanted, "flows from before, in the end")


SOME = [way for way in FREE if way in DSR or (way.flow, way.via) == (GueFlow, V4)]
for change_name in CHANGES:
    each_way(f"maglev, {change_name}: flows stay, those whose slots moved are remembered",
             FREE if change_name == "one added" else SOME, change_name)(window)


# ---- when the window is over -------------------------------------------------------------

WINDOW = 3


class Silence:
    """Flows that say nothing from the change to the end of the window, and others that do."""

    def __init__(self, lb, way, proto):
        self.cluster = Cluster(lb, way, proto, "--scheduler", "maglev", "--window", str(WINDOW),
                               members=way.via.backends)
        self.silent, self.heard = self.cluster.opened(FLOWS), self.cluster.opened(FLOWS)

    def change(self):
        self.heard_at = [flow.backend for flow in self.heard]
        self.silent_at = [flow.backend for flow in self.silent]
        self.cluster.state(0, "drain")
        expect_takers(self.heard, self.heard_at, "flows heard in the window")

    def after(self):
        owners = self.cluster.owners(self.silent)
        check(owners != self.silent_at, "no slot has moved")
        lasting = moved(self.heard, self.heard_at, self.cluster.owners(self.heard))
        expect_takers(self.silent, owners, "flows that were silent", payload=b"x")
        new = self.cluster.flows(FLOWS)
        expect_takers(new, self.cluster.owners(new), "new flows", **new[0].first_fields())
        expect_takers(self.heard, self.heard_at, "flows that were heard", payload=b"x")
        self.cluster.expect_listed(lasting)
        # Another change: who is remembered stays, who is not goes by the slots of just now.
        self.silent_at = owners
        self.cluster.weight(2, 3)
        expect_takers(self.heard, self.heard_at, "flows that were heard, after another change")
        expect_takers(self.silent, self.silent_at, "those that were silent, after another change")


for proto_name in ("tcp", "udp"):
    @case(f"maglev, after the window: the owner gets what is not remembered, {proto_name}",
          proto_name, program="xdplb_encap")
    def after_window(lb, proto):
        ways = [Silence(lb, way, proto) for way in SOME]
        for one in ways:
            one.change()
        time.sleep(WINDOW + 0.1)
        for one in ways:
            one.after()


# ---- other schedulers, tables, methods -----------------------------------------------------

# Options before, and changes one after the other.
TRANSITIONS = {
    **{f"{one} becomes {two}": (("--scheduler", one), [("--scheduler", two)])
       for one in SCHEDULERS for two in SCHEDULERS
       if one != two and "maglev" in (one, two)},
    "sh becomes wrr, then sh": (("--scheduler", "sh"), [("--scheduler", "wrr"),
                                                        ("--scheduler", "sh")]),
    "another table, and another": (("--scheduler", "maglev", "--table-size", "251"),
                                   [("--table-size", "1021"), ("--table-size", "509")]),
    "affinity, and none": (("--scheduler", "maglev"), [("--affinity", "client"),
                                                       ("--affinity", "none")]),
    "sh gets affinity": (("--scheduler", "sh"), [("--affinity", "client/24")]),
    "maglev becomes wrr, then maglev": (("--scheduler", "maglev"), [("--scheduler", "wrr"),
                                                                    ("--scheduler", "maglev")]),
}


def transition(lb, way, proto, name):
    before, changes = TRANSITIONS[name]
    if way.family.version == 6:
        changes = [[word.replace("/24", "/120") for word in change] for change in changes]
    cluster = Cluster(lb, way, proto, *before, members=way.via.backends)
    old = [cluster.opened(FLOWS) for _ in range(len(changes) + 1)]
    wanted = [[flow.backend for flow in flows] for flows in old]
    same({backend for backends in wanted for backend in backends}, cluster.open(),
         "who gets flows")
    for at, change in enumerate(changes):
        cluster.option(*change)
        expect_takers(old[at], wanted[at], f"flows first heard after change {at + 1}")
        new = cluster.opened(FLOWS)
        old.append(new)
        wanted.append([flow.backend for flow in new])
        check(len(set(wanted[-1])) > 1, "all new flows go to %s", wanted[-1][0])
    for flows, backends in zip(old, wanted):
        expect_takers(flows, backends, "all flows in the end", payload=b"x")
        expect_takers(flows, backends, "and again", payload=b"y")


for transition_name in TRANSITIONS:
    each_way(f"{transition_name}: flows stay", DSR, transition_name)(transition)


METHODS = [("dsr", "ipip"), ("ipip", "dsr"), ("gue", "ipip"), ("ipip", "gue"), ("dsr", "nat"),
           ("gue", "dnat"), ("dsr", "ipip", "gue")]


def methods(lb, family, names):
    """TCP alone: a datagram in the window is taken for one of an older flow."""
    way = next(one for one in WAYS if (one.flow.method, one.family, one.via)
               == (names[0], family, family))
    cluster = Cluster(lb, way, "tcp", "--scheduler", "maglev", members=way.via.backends)
    crowds = [cluster.opened(FLOWS), cluster.opened(FLOWS)]
    wanted = [[flow.backend for flow in flows] for flows in crowds]
    for name in names[1:]:
        cluster.method(name)
        expect_takers(crowds[-1], wanted[-1], "flows from before the change")
        crowds.append(cluster.opened(FLOWS))
        wanted.append([flow.backend for flow in crowds[-1]])
        cluster.state(0, "up" if cluster.member(0).state == "drain" else "drain")
    for flows, backends in zip(crowds, wanted):
        expect_takers(flows, backends, "all flows in the end", payload=b"x")


for method_names in METHODS:
    for family_of in (V4, V6):
        case(f"maglev, {' becomes '.join(method_names)}: flows stay, as they are forwarded, "
             f"v{family_of.version}", family_of, method_names, program="xdplb_encap")(methods)


@each_way("maglev, drained and then down: remembered flows move at once, others do not", SOME)
def dies(lb, way, proto):
    cluster = Cluster(lb, way, proto, "--scheduler", "maglev", "--table-size", "1021",
                      members=way.via.backends)
    old = cluster.opened(2 * FLOWS)
    olds = [flow.backend for flow in old]
    dying = cluster.end(cluster.member(1).address)
    cluster.state(1, "drain")
    expect_takers(old, olds, "flows from before")
    cluster.state(1, "down")
    takers = speak(old, payload=b"x")
    for flow, before, after in zip(old, olds, takers):
        check(after == before if before != dying else after in cluster.open(),
              "%s went from %s to %s", flow.client, before, after)
    expect_takers(old, takers, "all flows from then on", payload=b"y")
    cluster.state(1, "up")
    expect_takers(old, takers, "all flows when it is back", payload=b"z")


@case("maglev: none left, new flows are dropped, the old go on", "tcp")
@case("maglev: none left, new flows are dropped, the old go on, udp", "udp")
def none_left(lb, proto):
    for way in DSR:
        cluster = Cluster(lb, way, proto, "--scheduler", "maglev")
        old = cluster.opened(FLOWS)
        olds = [flow.backend for flow in old]
        cluster.state(0, "drain")
        cluster.state(1, "drain")
        expect_takers(old, olds, "flows from before")
        if proto == "tcp":
            expect_dropped(lb, [flow.first() for flow in cluster.flows(FLOWS)], "no_backend")
        cluster.state(0, "down")
        cluster.state(1, "down")
        expect_dropped(lb, [flow.sent() for flow in old + cluster.flows(FLOWS)], "no_backend")
        cluster.state(0, "up")
        same(set(speak(old)), cluster.open(), "where all flows go when one is up again")


# ---- any changes in any order ------------------------------------------------------------------


class Walk:
    """Flows of a service that is changed at random; each must stay where it was, while that is."""

    def __init__(self, lb, way, proto, seed):
        self.draw = random.Random(seed)
        self.cluster = Cluster(lb, way, proto, "--scheduler", self.draw.choice(SCHEDULERS),
                               members=way.via.backends)
        self.spare = [way.via.narrow]
        self.methods = {"dsr": ("dsr", "ipip", "gue", "nat"), "nat": ("nat", "dnat")}.get(
            way.flow.method, (way.flow.method,)) if proto == "tcp" else ()
        self.at = {}  # flow: its backend
        self.said = ["made"]

    def open_some(self):
        flows = self.cluster.flows(5)
        if not self.cluster.open():
            return
        for flow, taker in zip(flows, speak(flows, **flows[0].first_fields())):
            self.at[flow] = taker
            dead = {self.cluster.end(one.address) for one in self.cluster.members
                    if one.state == "down"}
            check(taker not in dead if self.cluster.proto == "udp" else
                  taker in self.cluster.open(), "after %s: a new flow to %s", self.said, taker)
        speak(flows)

    def hear(self, part):
        flows = [flow for flow in self.at if self.draw.random() < part]
        flags = {"flags": self.draw.choice(("A", "PA"))} if self.cluster.proto == "tcp" else {}
        expect_takers(flows, [self.at[flow] for flow in flows], f"after {self.said}",
                      payload=b"x", **flags)

    # ---- changes ----

    def add(self):
        if self.spare:
            self.cluster.add(self.spare.pop())

    def remove(self):
        ends = [at for at, one in enumerate(self.cluster.members) if one.state != "down"]
        if len(self.cluster.members) > 1 and ends:
            at = self.draw.choice(ends)
            self.spare.append(self.cluster.member(at).address)
            self.cluster.remove(at)

    def state(self):
        at = self.draw.randrange(len(self.cluster.members))
        self.cluster.state(at, self.draw.choice(("up", "up", "drain", "backup")))

    def down(self):
        """Its flows move at once."""
        at = self.draw.randrange(len(self.cluster.members))
        end = self.cluster.end(self.cluster.member(at).address)
        if not self.cluster.open() - {end}:
            return
        self.cluster.state(at, "down")
        for flow in [flow for flow, taker in self.at.items() if taker == end]:
            del self.at[flow]
            # What becomes of it is as of a new one.
            again = self.cluster.way.flow_to(self.cluster.lb, self.cluster.service,
                                             client=flow.client)
            again.service_changed = True
            taker = speak([again])[0]
            check(taker in self.cluster.open(), "after %s: a dead one's flow to %s", self.said,
                  taker)
            self.at[again] = taker

    def weight(self):
        at = self.draw.randrange(len(self.cluster.members))
        self.cluster.weight(at, self.draw.randrange(1, 6))

    def scheduler(self):
        self.cluster.option("--scheduler", self.draw.choice(SCHEDULERS))

    def table(self):
        self.cluster.option("--scheduler", self.draw.choice(("maglev", "sh")), "--table-size",
                            self.draw.choice(("251", "509", "1021", "auto")))

    def affinity(self):
        self.cluster.option("--affinity", self.draw.choice(("client", "client/28", "none")))

    def method(self):
        if self.methods:
            self.cluster.method(self.draw.choice(self.methods))

    def step(self):
        changes = (self.add, self.remove, self.state, self.state, self.down, self.weight,
                   self.scheduler, self.scheduler, self.table, self.affinity, self.method)
        change = self.draw.choice(changes)
        self.said.append(change.__name__)
        change()


def walk(lb, way, proto, seed):
    lb.program = "xdplb_encap"
    one = Walk(lb, way, proto, seed)
    one.open_some()
    for _ in range(WALK):
        one.step()
        one.open_some()
        one.hear(0.3)
    one.hear(1)
    one.hear(1)


WALK = 12
for walk_seed in range(4):
    each_way(f"any changes in any order, {walk_seed}", [
        way for way in WAYS if way.flow.method in ("nat", "dsr")], walk_seed)(walk)
