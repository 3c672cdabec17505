# SPDX-License-Identifier: GPL-2.0-only
"""
A flow through the balancer: what its packets are on either side, and that they come out so. A
class for each method of forwarding; all have the same functions.
"""
import ipaddress
from collections import namedtuple

from balancer import CLIENT_MAC, FAMILIES, V4, V6, counted, endpoint
from case import check
from wire import (addresses, datagram, error, fragments, frame, is_fragment, network_at, packet_end,
                  ports, source_address, target_address, transport_at, version, version_of, wrapped)

SENT = ("TX", "REDIRECT")


def expect_frame(result, wanted):
    check(result.verdict in SENT, "verdict %s, should be sent: %s", result.verdict,
          result.data.hex())
    if result.data == wanted:
        return
    at = next((i for i, pair in enumerate(zip(result.data, wanted)) if pair[0] != pair[1]),
              min(len(result.data), len(wanted)))
    check(False, "differs at byte %d: got %s, should be %s", at, result.data.hex(), wanted.hex())


def expect_passed(result, sent):
    check(result.verdict == "PASS", "verdict %s, should be PASS: %s", result.verdict, sent.hex())
    check(result.data == sent, "passed, but changed: %s to %s", sent.hex(), result.data.hex())


def expect_dropped(balancer, frames, reason, linear=None):
    before = balancer.stats()
    for sent, result in zip(frames, balancer.send_all(frames, linear)):
        check(result.verdict == "DROP", "verdict %s, should be DROP (%s): %s", result.verdict,
              reason, sent.hex())
    grew = counted(before, balancer.stats(), "drops")
    check(grew == {reason: len(frames)}, "counted as %s, should be %s: %d", grew, reason,
          len(frames))


def ttl_less(ip):
    """The fields of an IP header one hop further on."""
    return {**(ip or {}), "ttl": (ip or {}).get("ttl", 64) - 1}


class Flow:
    """By nat; what all have in common. Packets are described by the keywords of wire.frame()."""

    method = "nat"
    overhead = 0

    def __init__(self, balancer, service, client=None, mac=CLIENT_MAC, snats=None, via=None):
        family = FAMILIES[version(service.address)]
        self.balancer = balancer
        self.service = service
        self.client = client or (family.client, 40000)
        self.front = (service.address, service.port)
        self.mac = mac
        self.via = via or family  # the backends'
        self.snats = snats or (self.via.own,)
        self.near = balancer.mac  # the balancer's MAC on the backends' side
        self.backend = self.snat = None  # (address, port), known once it is open

    def another(self, client=None, **more):
        """A flow of another client to the same service."""
        client = client or (self.client[0], self.balancer.client_port())
        return type(self)(self.balancer, self.service, client, snats=self.snats, via=self.via,
                          **more)

    # ---- the frames ------------------------------------------------------------

    def _frame(self, macs, source, target, **packet):
        if self.service.proto == "tcp":
            packet.setdefault("flags", "A")
        return frame(macs, source, target, self.service.proto, **packet)

    def backend_mac(self):
        return self.balancer.macs[self.backend[0]]

    def sent(self, **packet):
        """As the client sends it."""
        return self._frame((self.mac, self.balancer.mac), self.client, self.front, **packet)

    def forwarded(self, ip=None, **packet):
        """As the backend reads it: in a tunnel, what is inside."""
        return self._frame((self.near, self.backend_mac()), self.snat, self.backend,
                           ip=ttl_less(ip), **packet)

    def wrap(self, data, _got):
        """What is around that. What nobody can know beforehand is read from the frame we got."""
        return data

    def replied(self, **packet):
        """As the backend answers."""
        return self._frame((self.backend_mac(), self.near), self.backend, self.snat,
                           **packet)

    def returned(self, ip=None, **packet):
        """As the client must get the answer."""
        return self._frame((self.balancer.mac, self.mac), self.front, self.client,
                           ip=ttl_less(ip), **packet)

    # ---- errors about them ----------------------------------------------------

    def error_in(self, quoted, length, source=None, **fields):
        """The backend (or source) complains of a forwarded frame."""
        return error((self.backend_mac(), self.near), source or self.backend[0],
                     self.snat[0], datagram(quoted)[:length], **fields)

    def error_out(self, quoted, length, source=None, ttl=64, **fields):
        """What the client must hear of it; quoted as the client knows it."""
        return error((self.balancer.mac, self.mac), self.front[0], self.client[0],
                     datagram(quoted)[:length], ttl=ttl - 1, **fields)

    def error_up(self, quoted, length, source=None, **fields):
        """The client (or source) complains of a returned frame."""
        return error((self.mac, self.balancer.mac), source or self.client[0], self.front[0],
                     datagram(quoted)[:length], **fields)

    def error_down(self, quoted, length, source=None, ttl=64, **fields):
        """What the backend must hear of it, as it reads it."""
        return error((self.near, self.backend_mac()), self.snat[0], self.backend[0],
                     datagram(quoted)[:length], ttl=ttl - 1, **fields)

    # ---- sending ----------------------------------------------------------------

    def first_fields(self):
        return {"flags": "S"} if self.service.proto == "tcp" else {}

    def first(self, **packet):
        return self.sent(**self.first_fields(), **packet)

    def learn(self, result):
        """Who serves it, and what else is the balancer's choice: the only things read from it."""
        check(result.verdict in SENT, "first packet: verdict %s", result.verdict)
        self.learn_ends(result.data)
        everybody = [*self.via.backends, self.via.narrow, self.via.beyond, self.via.tagged]
        check(self.backend[0] in everybody, "sent to %s", self.backend[0])
        return self

    def learn_ends(self, data):
        sport, dport = ports(data)
        self.snat = (source_address(data), sport)
        self.backend = (target_address(data), dport)
        check(self.snat[0] in self.snats, "sent from %s", self.snat[0])
        check(sport >= 1024, "sent from port %d", sport)

    def expect(self, result, inside):
        """The frame with what is around it came out."""
        expect_frame(result, self.wrap(inside, result.data))

    def open(self, **packet):
        """Sends the first packet, and checks that it came out right."""
        result = self.balancer.send(self.first(**packet))
        self.learn(result)
        self.expect(result, self.forwarded(**self.first_fields(), **packet))
        return self

    def establish(self, **packet):
        self.open(**packet)
        self.go(**packet)
        return self

    def go_all(self, packets, linear=None):
        """Packets from the client get to the backend."""
        results = self.balancer.send_all([self.sent(**one) for one in packets], linear)
        for result, one in zip(results, packets):
            self.expect(result, self.forwarded(**one))

    def go(self, **packet):
        self.go_all([packet])

    def back_all(self, packets, linear=None):
        """Packets from the backend get to the client."""
        results = self.balancer.send_all([self.replied(**one) for one in packets], linear)
        for result, one in zip(results, packets):
            self.expect_back(result, one)

    def expect_back(self, result, packet):
        expect_frame(result, self.returned(**packet))

    def back(self, **packet):
        self.back_all([packet])

    def pieces(self, size, **packet):
        """Fragments as the client sends them, and as the backend reads them."""
        return (fragments(self.sent(**packet), size), fragments(self.forwarded(**packet), size))


class DnatFlow(Flow):
    method = "dnat"

    def learn_ends(self, data):
        check(addresses(data)[0] == self.client[0] and ports(data)[0] == self.client[1],
              "sent from %s:%d", source_address(data), ports(data)[0])
        self.snat = self.client
        self.backend = (target_address(data), ports(data)[1])

    def error_out(self, quoted, length, source=None, ttl=64, **fields):
        return error((self.balancer.mac, self.mac), source or self.backend[0], self.client[0],
                     datagram(quoted)[:length], ttl=ttl - 1, **fields)

    def error_down(self, quoted, length, source=None, ttl=64, **fields):
        return error((self.near, self.backend_mac()), source or self.client[0],
                     self.backend[0], datagram(quoted)[:length], ttl=ttl - 1, **fields)


class DirectFlow(Flow):
    """The backend has the service's address, and answers by itself."""

    def replied(self, **packet):
        return self._frame((self.backend_mac(), self.near), self.front, self.client,
                           **packet)

    def expect_back(self, result, packet):
        expect_passed(result, self.replied(**packet))

    def forwarded(self, ip=None, **packet):
        return self._frame((self.near, self.backend_mac()), self.client, self.front,
                           ip=ttl_less(ip), **packet)

    def error_down(self, quoted, length, source=None, ttl=64, **fields):
        return error((self.near, self.backend_mac()), source or self.client[0],
                     self.front[0], datagram(quoted)[:length], ttl=ttl - 1, **fields)


class DsrFlow(DirectFlow):
    method = "dsr"

    def learn_ends(self, data):
        owner = next((address for address, mac in self.balancer.macs.items()
                      if mac == data[:6].hex(":") and version(address) == self.via.version), None)
        check(owner, "sent to MAC %s", data[:6].hex(":"))
        self.backend = (owner, self.service.port)

    def forwarded(self, **packet):
        return self._frame((self.near, self.backend_mac()), self.client, self.front,
                           **packet)

    def error_down(self, *args, ttl=64, **fields):
        return super().error_down(*args, ttl=ttl + 1, **fields)


IPV6_MTU_MIN = 1280
SPREAD = {4: ipaddress.ip_network("172.16.0.0/16"), 6: ipaddress.ip_network("100::/64")}


def length_of(data):
    """Of the IP packet in a frame."""
    return packet_end(data) - network_at(data)


def is_spread(source):
    """It is one of many, and no error comes back to it."""
    return ipaddress.ip_address(source) in SPREAD[version(source)]


# What a tunnel is known by from outside; of which port and label are None where there is none.
Outside = namedtuple("Outside", "source port label")


class IpipFlow(DirectFlow):
    method = "ipip"

    def __init__(self, *args, snats=(), **more):
        super().__init__(*args, **more)
        self.snats = snats  # () leaves the source to the balancer
        self.overhead = {4: 20, 6: 40}[self.via.version]
        self.outside = self.fragments_outside = self.last = None
        self.service_changed = False  # then the source is whatever the service's is now

    def learn_ends(self, data):
        self.outside = self.read_outside(data)
        self.backend = (target_address(data), self.service.port)

    def read_outside(self, data, probe=None):
        source, at = source_address(data), network_at(data)
        if source == probe:
            pass
        elif self.service_changed:
            check(is_spread(source) or source in (*self.via.snats, self.via.own), "wrapped by %s",
                  source)
        elif self.snats:
            check(source in self.snats, "wrapped by %s", source)
        else:
            check(is_spread(source), "wrapped by %s", source)
        label = int.from_bytes(data[at:at + 4], "big") & 0xfffff
        return Outside(source, None, label if self.via.version == 6 else None)

    def outside_of(self, data, got):
        """
        One for all whole packets of the flow, and one for all fragments of its client's, which
        are known by no port. An error is another's packet.
        """
        if is_fragment(data):
            self.fragments_outside = self.fragments_outside or self.read_outside(got)
            return self.fragments_outside
        if self.may_probe(data) and source_address(got) == self.via.own:
            return self.read_outside(got, self.via.own)
        if transport_at(data)[0] not in (6, 17):
            return self.read_outside(got)
        if self.service_changed:
            return self.outside._replace(source=self.read_outside(got).source)
        return self.outside

    def may_probe(self, data):
        """A large packet may have the balancer's own address outside, to learn of a path's MTU."""
        return self.via.version == 6 and not self.snats and length_of(data) > IPV6_MTU_MIN

    def around(self, data, got, source):
        """The other fields of the outer header: whether and how it may be cut up."""
        if self.via.version == 6:
            return {}
        if version_of(data) == 6:
            whole = length_of(data) > IPV6_MTU_MIN
        else:
            whole = data[network_at(data) + 6] & 0x40
        if whole and not is_spread(source):
            return {"flags": "DF"}
        at = network_at(got)
        ident = int.from_bytes(got[at + 4:at + 6], "big")
        check(not ident or ident != self.last, "identification %d twice", ident)
        self.last = ident
        return {"ident": ident}

    def wrap(self, data, got):
        outside = self.outside_of(data, got)
        return wrapped(data, outside, self.backend[0], **self.around(data, got, outside.source))


class GueFlow(IpipFlow):
    method = "gue"
    port = 6080

    def __init__(self, *args, **more):
        super().__init__(*args, **more)
        self.snats = self.snats or (self.via.own,)
        self.overhead += 8

    def read_outside(self, data, probe=None):
        sport, dport = ports(data)
        check(sport >= 49152, "source port %d", sport)
        check(dport == self.port, "destination port %d", dport)
        return super().read_outside(data, probe)._replace(port=sport)

    def checksum(self, data):
        """None: computed, which IPv6 needs always. 0: no checksum inside is one of all there is."""
        number, at = transport_at(data)
        size = int.from_bytes(data[at + 4:at + 6], "big")
        without = number == 17 and (data[at + 6:at + 8] == b"\0\0" or at + size < packet_end(data))
        return 0 if self.via.version == 4 and (without or is_fragment(data)) else None

    def wrap(self, data, got):
        outside = self.outside_of(data, got)
        return wrapped(data, outside, self.backend[0], self.port, self.checksum(data),
                       **self.around(data, got, outside.source))


# ---- each method, over each family ---------------------------------------------------


class Way(namedtuple("Way", "flow family via")):
    """A method, the service's family and the backends'."""

    def __str__(self):
        inside, outside = f"v{self.family.version}", f"v{self.via.version}"
        return f"{self.flow.method} {inside}" + (f" in {outside}" if self.is_tunnel() else "")

    def is_tunnel(self):
        return self.flow in (IpipFlow, GueFlow)

    def programs(self):
        return ("xdplb_encap",) if self.is_tunnel() else ("xdplb", "xdplb_encap")

    def service(self, lb, *backends, proto="tcp", port=0, options=(), own=False):
        """
        The backends have that port where the method can change it, None is the service's and 0 one
        that no other service's have. `own`: no other case's service.
        """
        def make(create):
            at = lb.backend_port() if port == 0 else port
            words = [endpoint(address, at if self.translates() else None) for address in addresses]
            return create(*words, proto=proto, address=self.family.vip,
                          options=["--forward", self.flow.method, *options])

        addresses = backends or tuple(self.via.backends[:1])
        if own:
            return make(lb.service)
        wanted = (str(self), addresses, proto, port, tuple(options))
        return lb.shared_service(wanted, lambda: make(lb.make))

    def flow_to(self, lb, service, client=None, **more):
        """A flow of a client to a service of this way's."""
        client = client or (self.family.client, lb.client_port())
        return self.flow(lb, service, client=client, via=self.via, **more)

    def open(self, lb, *backends, proto="tcp", port=0, options=(), own=False, **more):
        """An established flow."""
        service = self.service(lb, *backends, proto=proto, port=port, options=options, own=own)
        return self.flow_to(lb, service, **more).establish()

    def translates(self):
        """Replies and errors of the backend's come back through the balancer."""
        return self.flow in (Flow, DnatFlow)


WAYS = [Way(flow, family, family) for flow in (Flow, DnatFlow, DsrFlow) for family in (V4, V6)]
WAYS += [Way(flow, family, via) for flow in (IpipFlow, GueFlow) for family in (V4, V6)
         for via in (V4, V6)]
TUNNELS = [way for way in WAYS if way.is_tunnel()]
TRANSLATORS = [way for way in WAYS if way.translates()]
# Each method, each family outside and inside; for what does not depend on both.
SOME_WAYS = [way for way in WAYS if not way.is_tunnel() or way.family is not way.via]
