# SPDX-License-Identifier: GPL-2.0-only
"""A flow through the balancer: what its packets are on either side, and that they come out so."""
from balancer import BACKENDS, CLIENT, CLIENT_MAC, OWN, counted
from case import check
from wire import datagram, error, frame, ports, source_address, target_address

SENT = ("TX", "REDIRECT")


def expect_frame(result, wanted):
    check(result.verdict in SENT, "verdict %s, should be sent", result.verdict)
    if result.data == wanted:
        return
    at = next((i for i, pair in enumerate(zip(result.data, wanted)) if pair[0] != pair[1]),
              min(len(result.data), len(wanted)))
    check(False, "differs at byte %d: got %s, should be %s", at, result.data.hex(), wanted.hex())


def expect_passed(result, sent):
    check(result.verdict == "PASS", "verdict %s, should be PASS", result.verdict)
    check(result.data == sent, "passed, but changed: %s to %s", sent.hex(), result.data.hex())


def expect_dropped(balancer, frames, reason, linear=None):
    before = balancer.stats()
    for sent, result in zip(frames, balancer.send_all(frames, linear)):
        check(result.verdict == "DROP", "verdict %s, should be DROP (%s): %s", result.verdict,
              reason, sent.hex())
    grew = counted(before, balancer.stats(), "drops")
    check(grew == {reason: len(frames)}, "counted as %s, should be %s: %d", grew, reason,
          len(frames))


class Flow:
    """Packets are described by the keywords of wire.frame()."""

    def __init__(self, balancer, service, client=(CLIENT, 40000), mac=CLIENT_MAC,
                 snats=(OWN,)):
        self.balancer = balancer
        self.service = service
        self.client = client
        self.front = (service.address, service.port)
        self.mac = mac
        self.snats = snats
        self.backend = self.snat = None  # (address, port), known once it is open

    # ---- the frames ------------------------------------------------------------

    def _frame(self, macs, source, target, **packet):
        if self.service.proto == "tcp":
            packet.setdefault("flags", "A")
        return frame(macs, source, target, self.service.proto, **packet)

    def sent(self, **packet):
        """As the client sends it."""
        return self._frame((self.mac, self.balancer.mac), self.client, self.front, **packet)

    def forwarded(self, ip=None, **packet):
        """As the backend must get it."""
        ip = {**(ip or {}), "ttl": (ip or {}).get("ttl", 64) - 1}
        return self._frame((self.balancer.mac, self.balancer.macs[self.backend[0]]), self.snat,
                           self.backend, ip=ip, **packet)

    def replied(self, **packet):
        """As the backend answers."""
        return self._frame((self.balancer.macs[self.backend[0]], self.balancer.mac), self.backend,
                           self.snat, **packet)

    def returned(self, ip=None, **packet):
        """As the client must get the answer."""
        ip = {**(ip or {}), "ttl": (ip or {}).get("ttl", 64) - 1}
        return self._frame((self.balancer.mac, self.mac), self.front, self.client, ip=ip,
                           **packet)

    # ---- errors about them ----------------------------------------------------

    def error_in(self, quoted, length, source=None, **fields):
        """The backend (or source) complains of a forwarded frame."""
        return error((self.balancer.macs[self.backend[0]], self.balancer.mac),
                     source or self.backend[0], self.snat[0], datagram(quoted)[:length], **fields)

    def error_out(self, quoted, length, ttl=64, **fields):
        """What the client must hear of it; quoted as the client knows it."""
        return error((self.balancer.mac, self.mac), self.front[0], self.client[0],
                     datagram(quoted)[:length], ttl=ttl - 1, **fields)

    def error_up(self, quoted, length, source=None, **fields):
        """The client (or source) complains of a returned frame."""
        return error((self.mac, self.balancer.mac), source or self.client[0], self.front[0],
                     datagram(quoted)[:length], **fields)

    def error_down(self, quoted, length, ttl=64, **fields):
        """What the backend must hear of it."""
        return error((self.balancer.mac, self.balancer.macs[self.backend[0]]), self.snat[0],
                     self.backend[0], datagram(quoted)[:length], ttl=ttl - 1, **fields)

    # ---- sending ----------------------------------------------------------------

    def first(self):
        return self.sent(flags="S") if self.service.proto == "tcp" else self.sent()

    def learn(self, result):
        """Who serves it, and from which address and port: the only things read from the answer."""
        check(result.verdict in SENT, "first packet: verdict %s", result.verdict)
        sport, dport = ports(result.data)
        self.snat = (source_address(result.data), sport)
        self.backend = (target_address(result.data), dport)
        check(self.snat[0] in self.snats, "sent from %s", self.snat[0])
        check(sport >= 1024, "sent from port %d", sport)
        check(self.backend[0] in BACKENDS, "sent to %s", self.backend[0])
        return self

    def open(self):
        """Sends the first packet, and checks that it came out right."""
        result = self.balancer.send(self.first())
        self.learn(result)
        first = {"flags": "S"} if self.service.proto == "tcp" else {}
        expect_frame(result, self.forwarded(**first))
        return self

    def establish(self):
        self.open()
        self.go()
        return self

    def go(self, **packet):
        """A packet from the client gets to the backend."""
        expect_frame(self.balancer.send(self.sent(**packet)), self.forwarded(**packet))

    def back(self, **packet):
        """A packet from the backend gets to the client."""
        expect_frame(self.balancer.send(self.replied(**packet)), self.returned(**packet))
