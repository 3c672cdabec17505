# SPDX-License-Identifier: GPL-2.0-only
"""
Listeners: processes on the balancer's own machine, to whom --forward local hands packets. They are
known by their ports, and exist no more than the backends of other tests do.
"""
import json

from balancer import CLIENT_MAC, FAMILIES, name_of, run
from case import case, check, same
from wire import datagram, error, frame, ports

TCP_FIRST = {"flags": "S"}
PLAIN = b"long enough for the short way"  # where as many bytes must be there as TCP's header has


def families_and(title, protos=("udp", "tcp"), both=False, versions=(4, 6)):
    """A case for each family and protocol; with `both`, for each program."""
    def register(function):
        for version in versions:
            for proto in protos:
                for program in ("xdplb", "xdplb_encap") if both else ("xdplb",):
                    case(f"{title}: v{version}, {proto}, by {program}", FAMILIES[version], proto,
                         program=program)(function)
        return function
    return register


def letters(takers, listeners):
    """The listeners that got packets, as letters in the order of their places."""
    return "".join("abcdefghijklmnopqrstuvwxyz"[listeners.index(port)] for port in takers)


class Local:
    """A service and its listeners: words are their options, such as weight=3."""

    def __init__(self, lb, family, proto, *words, options=(), listeners=None):
        self.lb, self.family, self.proto = lb, family, proto
        self.words = list(words)
        self.listeners = listeners or [lb.backend_port() for _ in words]
        self.service = lb.service(*self.backends(), proto=proto, address=family.vip,
                                  options=["--forward", "local", *options])

    def backends(self):
        return [f":{port},{word}" if word else f":{port}"
                for port, word in zip(self.listeners, self.words)]

    def config(self, command, *words):
        run("xdplb-config", command, name_of(self.service), *words)

    def change(self, *words, options=()):
        """The same listeners with other options, all at once."""
        self.words = list(words)
        self.lb.set_backends(self.service, self.backends(), *options)

    def flow(self, client=None, mac=CLIENT_MAC):
        return LocalFlow(self, client or self.lb.client(self.family), mac)

    def flows(self, count):
        return [self.flow() for _ in range(count)]

    def opened(self, count):
        """So many flows, each with its listener."""
        flows = self.flows(count)
        self.speak(flows, **flows[0].first_fields())
        return flows

    def speak(self, flows, interface=None, **packet):
        """Each sends a packet, which must come out right. Returns which ports got them."""
        sent = [flow.sent(**packet) for flow in flows]
        results = self.lb.send_all(sent, interface=interface)
        return [flow.taken(result, **packet) for flow, result in zip(flows, results)]

    def turns(self, flow, count):
        """Who gets so many datagrams of one flow, each handed out by itself."""
        wanted = {flow.handed(port, payload=PLAIN): port for port in self.listeners}
        results = self.lb.send_all([flow.sent(payload=PLAIN)] * count)
        check(all(result.verdict == "PASS" and result.data in wanted for result in results),
              "a datagram came to no listener")
        return [wanted[result.data] for result in results]

    def stats(self):
        return self.lb.service_stats(self.service)

    def listed(self):
        return json.loads(run("xdplb-config", "-j", "flows", name_of(self.service)))

    def expect_dropped(self, flows, reason, **packet):
        before = self.lb.stats()["drops"]
        for result in self.lb.send_all([flow.sent(**packet) for flow in flows]):
            same(result.verdict, "DROP", "the verdict")
        after = self.lb.stats()["drops"]
        grew = {name: after[name] - before[name] for name in after if after[name] != before[name]}
        same(grew, {reason: len(flows)}, "what is counted")


class LocalFlow:
    """A client's packets to a service of listeners, and theirs to it."""

    def __init__(self, local, client, mac):
        self.local, self.client, self.mac = local, client, mac
        self.lb = local.lb
        self.front = (local.service.address, local.service.port)
        self.listener = local.listeners[0] if len(local.listeners) == 1 else None

    def first_fields(self):
        return TCP_FIRST if self.local.proto == "tcp" else {}

    def _frame(self, macs, source, target, **packet):
        if self.local.proto == "tcp":
            packet.setdefault("flags", "A")
        return frame(macs, source, target, self.local.proto, **packet)

    def sent(self, **packet):
        """As the client sends it."""
        return self._frame((self.mac, self.lb.mac), self.client, self.front, **packet)

    def handed(self, port=None, **packet):
        """As the listener must get it: nothing but the port is another, no hop is taken."""
        return self._frame((self.mac, self.lb.mac), self.client,
                           (self.front[0], port or self.listener), **packet)

    def replied(self, port=None, **packet):
        """As this machine's stack sends the listener's answer."""
        return self._frame((self.lb.mac, self.mac), (self.front[0], port or self.listener),
                           self.client, **packet)

    def returned(self, **packet):
        """As the client must get it."""
        return self._frame((self.lb.mac, self.mac), self.front, self.client, **packet)

    def taken(self, result, **packet):
        """The port of the listener that got a packet, which must be right."""
        check(result.verdict == "PASS", "verdict %s, should be PASS: %s", result.verdict,
              result.data.hex())
        port = ports(result.data)[1]
        check(port in self.local.listeners, "handed to port %d", port)
        wanted = self.handed(port, **packet)
        check(result.data == wanted, "became %s, should be %s", result.data.hex(), wanted.hex())
        self.listener = port
        return port

    def establish(self, **packet):
        for fields in (self.first_fields(), {}):
            self.taken(self.lb.send(self.sent(**fields, **packet)), **fields, **packet)
        return self

    def go_all(self, packets, linear=None):
        """Packets from the client get to the listener."""
        results = self.lb.send_all([self.sent(**one) for one in packets], linear)
        for result, one in zip(results, packets):
            check(result.verdict == "PASS", "verdict %s", result.verdict)
            expect_bytes(result.data, self.handed(**one))

    def back_all(self, packets, port=None):
        """The listener's packets get to the client."""
        for data, one in zip(self.lb.leave_all([self.replied(port, **one) for one in packets]),
                             packets):
            expect_bytes(data, self.returned(**one))

    def expect_unknown(self, packets=({},), port=None):
        """They are nobody's replies, and leave as they are."""
        unchanged_out(self.lb, [self.replied(port, **one) for one in packets])

    # ---- errors ----

    def error_in(self, quoted, length, **fields):
        """Somebody on the client's side complains of a frame; fields are those of error()."""
        return error((self.mac, self.lb.mac), fields.pop("source", self.client[0]), self.front[0],
                     datagram(quoted)[:length], **fields)

    def error_out(self, quoted, length, **fields):
        """This machine complains of a frame that was handed to a listener."""
        return error((self.lb.mac, self.mac), self.front[0], self.client[0],
                     datagram(quoted)[:length], **fields)


def expect_bytes(data, wanted):
    check(data == wanted, "became %s, should be %s", data.hex(), wanted.hex())


def unchanged_out(lb, frames):
    for sent, data in zip(frames, lb.leave_all(frames)):
        expect_bytes(data, sent)


def unchanged_in(lb, frames, interface=None):
    """They pass as they are."""
    for sent, result in zip(frames, lb.send_all(frames, interface=interface)):
        same(result.verdict, "PASS", "the verdict")
        expect_bytes(result.data, sent)
