# SPDX-License-Identifier: GPL-2.0-only
"""Many flows of a service, whose backends are its members: who gets them, and what is remembered."""
import json

from balancer import Service, endpoint, name_of, run
from case import check, same
from flow import WAYS

TWINS = {4: "192.0.2.110", 6: "2001:db8::110"}  # nobody's own either


class Member:
    """A backend of a service."""

    def __init__(self, address, port):
        self.address, self.port = address, port
        self.weight, self.state = 1, "up"

    def place(self):
        return endpoint(self.address, self.port)

    def word(self):
        return f"{self.place()},weight={self.weight},state={self.state}"


class Cluster:
    """A service of a way's and its members, changed by commands."""

    def __init__(self, lb, way, proto, *options, members=None, weights=(),
                 states=()):
        self.lb, self.way, self.proto = lb, way, proto
        self.forward = way.flow.method
        self.port = lb.backend_port() if way.translates() else None
        self.options = options
        addresses = members or way.via.backends[:2]
        self.members = [Member(address, self.port) for address in addresses]
        self.made = None  # what the twin was made with
        for member, weight in zip(self.members, weights):
            member.weight = weight
        for member, state in zip(self.members, states):
            member.state = state
        self.service = lb.service(*self.words(), proto=proto, address=way.family.vip,
                                  options=self.all_options())

    def __str__(self):
        return f"{self.way}, {' '.join(self.options)}"

    def words(self):
        return [member.word() for member in self.members]

    def all_options(self):
        return ["--forward", self.forward, *self.options]

    def member(self, at):
        return self.members[at]

    def config(self, command, *words):
        run("xdplb-config", command, name_of(self.service), *words)

    # ---- changes, each by its command ----

    def add(self, address):
        self.members.append(Member(address, self.port))
        self.config("add-backend", self.members[-1].place())

    def remove(self, at):
        self.config("del-backend", self.members.pop(at).place())

    def state(self, at, state):
        self.members[at].state = state
        if state == "drain":
            self.config("drain", self.members[at].place())
        else:
            self.config("set-state", self.members[at].place(), state)

    def weight(self, at, weight):
        self.members[at].weight = weight
        self.config("set-weight", self.members[at].place(), str(weight))

    def option(self, *options):
        """These, and what went before."""
        self.options = [*self.options, *options]
        self.config("set-service", *options)

    def method(self, forward):
        """New flows are forwarded by this one."""
        self.way = next(way for way in WAYS if way.flow.method == forward
                        and (way.family, way.via) == (self.way.family, self.way.via))
        self.forward = forward
        self.config("set-service", "--forward", forward)

    # ---- what it is now ----

    def open(self):
        """The backends that take new flows: (address, port)."""
        up = [member for member in self.members if member.state == "up"]
        taking = up or [member for member in self.members if member.state == "backup"]
        return {self.end(member.address) for member in taking}

    def end(self, address):
        return address, self.port or self.service.port

    def flows(self, count, client=None):
        """So many flows of clients that nobody else is; not open yet."""
        flows = [self.way.flow_to(self.lb, self.service, client=client or self.lb.client(
            self.way.family)) for _ in range(count)]
        for flow in flows:
            flow.service_changed = True  # a tunnel's source is not what these cases look at
        return flows

    def opened(self, count):
        """The same, their first packets sent."""
        flows = self.flows(count)
        speak(flows, **flows[0].first_fields())
        return flows

    def twin(self):
        """
        A service of the same configuration, and no past. Backends of equal addresses and ports
        are equal to the hash, whoever's they are.
        """
        twin = Service(TWINS[self.way.family.version], self.service.port, self.proto)
        wanted = (*self.all_options(), *self.words())
        if self.made != wanted:
            if self.made:
                run("xdplb-config", "del-service", name_of(twin))
            run("xdplb-config", "set-backends", name_of(twin), *wanted)
            self.made = wanted
        return twin

    def owners(self, flows):
        """Who owns the slots of these flows, as a service tells that was never changed."""
        twin = self.twin()
        copies = [type(flow)(self.lb, twin, client=flow.client, via=flow.via) for flow in flows]
        return speak(copies, **copies[0].first_fields())

    def listed(self, *backend):
        """The lines of `flows` of this service."""
        return json.loads(run("xdplb-config", "-j", "flows", name_of(self.service), *backend))

    def expect_listed(self, flows):
        """Just these are remembered, each with its backend."""
        lines = [line for line in self.listed() if line["state"] != "sticky"]
        same(len(lines), len(flows), "how many flows are remembered")
        wanted = sorted((endpoint(*flow.backend), *flow.client) for flow in flows)
        got = sorted((line["backend"], line["client"], line["client_port"]) for line in lines)
        if self.way.family.version == 6:  # whose names do not tell the client
            wanted, got = ([line[0] for line in lines] for lines in (wanted, got))
        same(got, wanted, "the flows that are remembered")

    def stats(self):
        return self.lb.service_stats(self.service)


def speak(flows, **packet):
    """Each sends a packet, which must come out right. Returns who got them: (address, port)."""
    if not flows:
        return []
    results = flows[0].balancer.send_all([flow.sent(**packet) for flow in flows])
    for flow, result in zip(flows, results):
        flow.learn(result)
        flow.expect(result, flow.forwarded(**packet))
    return [flow.backend for flow in flows]


def expect_takers(flows, wanted, what, **packet):
    """They speak, and are heard by the backends that are wanted."""
    got = speak(flows, **packet)
    wrong = [(flow.client, one, other) for flow, one, other in zip(flows, got, wanted)
             if one != other]
    check(not wrong, "%s: %d of %d flows go elsewhere, as %s", what, len(wrong), len(flows),
          "; ".join(f"{client[0]} port {client[1]} to {one[0]} instead of {other[0]}"
                    for client, one, other in wrong[:3]))


def shares(takers):
    """How many flows each got."""
    return {one: takers.count(one) for one in set(takers)}
