# SPDX-License-Identifier: GPL-2.0-only
"""
Is what came out right for what went in, whatever that was? Told from the bytes alone: the packets
are changed at random, so checksums may be wrong and must then stay as wrong as they are.
"""
import ipaddress

from balancer import counted
from case import Failed, check, same
from flow import SENT, SPREAD, DsrFlow, GueFlow, IpipFlow
from wire import IDENT, network_at, traffic_class, word_sum

ADDRESSES = {4: (12, 4), 6: (8, 16)}  # where the source lies in the header, how long it is
TTL = {4: 8, 6: 7}
ICMP = {4: 1, 6: 58}
ECHO = {4: (8, 0), 6: (128, 129)}  # request, reply
CHECK = {6: 16, 17: 6, 1: 2, 58: 2}
EXTENSIONS = (0, 43, 44, 51, 60)


class Packet:
    """The headers of an IP packet in `data`; one that is cut short or no IP is an IndexError."""

    def __init__(self, data, at):
        self.data, self.at = data, at
        self.version = data[at] >> 4
        self.offset = self.more = self.ident = 0
        if self.version == 4:
            self.read4()
        else:
            self.read6()

    def word(self, at):
        if at + 2 > len(self.data):
            raise IndexError("cut short")
        return int.from_bytes(self.data[at:at + 2], "big")

    def read4(self):
        self.end = self.at + self.word(self.at + 2)
        self.ident, field = self.word(self.at + 4), self.word(self.at + 6)
        self.offset, self.more = field & 0x1fff, field & 0x2000
        self.number = self.data[self.at + 9]
        self.inside = self.at + (self.data[self.at] & 15) * 4

    def read6(self):
        self.end = self.at + 40 + self.word(self.at + 4)
        self.number, self.inside = self.data[self.at + 6], self.at + 40
        while self.number in EXTENSIONS and not self.offset:
            number, at = self.number, self.inside
            size = (self.data[at + 1] + 1) * 8
            if number == 44:
                size, field, self.ident = 8, self.word(at + 2), self.word(at + 6)
                self.offset, self.more = field >> 3, field & 1
            elif number == 51:
                size = (self.data[at + 1] + 2) * 4
            self.number, self.inside = self.data[at], at + size

    def address(self, which):
        """0 is the source, 1 the destination."""
        at, size = ADDRESSES[self.version]
        return str(ipaddress.ip_address(self.data[self.at + at + which * size:][:size]))

    def has_ports(self):
        return self.number in (6, 17) and not self.offset

    def port(self, which):
        return self.word(self.inside + 2 * which)

    def end_of(self, which):
        return self.address(which), self.port(which), "tcp" if self.number == 6 else "udp"

    def is_echo(self):
        return (self.number == ICMP[self.version] and not self.offset and not self.more
                and self.data[self.inside] == ECHO[self.version][0])

    def quote(self):
        """The packet that an ICMP error quotes."""
        return Packet(self.data, self.inside + 8)

    # ---- sums, right or wrong ----

    def header_sum(self):
        """Residue over IPv4's header; IPv6's has none."""
        if self.version == 6:
            return 0
        return word_sum(self.data[self.at:self.at + (self.data[self.at] & 15) * 4])

    def inside_sum(self):
        """Residue over what the IP packet carries, with the pseudo header; 0 when it is right."""
        if self.offset or self.number not in CHECK:
            return None
        end = self.end
        if self.number == 17:
            if self.word(self.inside + 6) == 0:
                return "none"
            end = self.inside + self.word(self.inside + 4)
        at, size = ADDRESSES[self.version]
        pseudo = b""
        if self.number != 1:
            pseudo = (self.data[self.at + at:self.at + at + 2 * size] + bytes([0, self.number])
                      + (end - self.inside & 0xffff).to_bytes(2, "big"))
        return word_sum(pseudo + self.data[self.inside:end])

    def quote_sum(self):
        if self.number != ICMP[self.version] or self.offset:
            return None
        return self.quote().header_sum()

    def sums(self):
        return self.header_sum(), self.inside_sum(), self.quote_sum()

    # ---- what may be changed ----

    def header_places(self):
        at, size = ADDRESSES[self.version]
        places = {*range(self.at + at, self.at + at + 2 * size)}
        return places | ({self.at + 10, self.at + 11} if self.version == 4 else set())

    def hop_places(self):
        """By one hop more."""
        return {self.at + TTL[self.version]} | ({self.at + 10, self.at + 11}
                                                if self.version == 4 else set())

    def transport_places(self):
        if self.offset or self.number not in CHECK:
            return set()
        check_at = self.inside + CHECK[self.number]
        ports = range(self.inside, self.inside + 4) if self.number in (6, 17) else ()
        return {check_at, check_at + 1, *ports}

    def places(self):
        """By an address and port that are replaced, in a quoted packet too."""
        places = self.header_places() | self.hop_places() | self.transport_places()
        if self.number == ICMP[self.version] and not self.offset:
            quote = self.quote()
            places |= quote.header_places() | quote.transport_places()
        return places


def changed_places(before, after):
    return {i for i, pair in enumerate(zip(before, after)) if pair[0] != pair[1]}


class Judge:
    def __init__(self, lb, flows):
        """Flows of each service, at least one of a way of forwarding."""
        self.lb = lb
        self.mac = bytes.fromhex(lb.mac.replace(":", ""))
        self.macs = {bytes.fromhex(flow.mac.replace(":", "")) for flow in flows}
        self.fronts = {(*flow.front, flow.service.proto): flow for flow in flows}
        self.flows = list(self.fronts.values())
        self.backends = {(address, flow.backend[1], flow.service.proto): flow
                         for flow in self.flows for address in flow.via.backends
                         if flow.method in ("nat", "dnat")}
        self.clients = {flow.client for flow in flows}
        self.wrong = {}  # examples by what is wrong

    # ---- one packet ----

    def sent(self, before, after):
        check(after[6:12] == self.mac, "not from the balancer's MAC")
        at = network_at(before)
        packet = Packet(before, at)
        check(packet.end <= len(before), "sent although cut short")
        if packet.is_echo():
            return self.echoed(packet, after)
        if packet.offset and packet.ident != IDENT:
            return None  # by chance of a packet that another case sent
        why = []
        candidates = self.candidates(packet)
        if not candidates and self.is_late(packet):
            return self.one_hop(packet, after, packet.places())
        for flow in candidates:
            try:
                return self.forwarded(flow, packet, after)
            except Failed as error:
                why.append(str(error))
        raise Failed(" or ".join(sorted(set(why))) or "sent, but not of a flow")

    def candidates(self, packet):
        """Flows of the services whose packet it may be: one, unless it has no ports."""
        if packet.number == ICMP[packet.version] and not packet.offset:
            quote = packet.quote()
            flow = self.fronts.get(quote.end_of(0)) or self.backends.get(quote.end_of(1))
            return [flow] if flow else []
        if packet.has_ports():
            flow = self.fronts.get(packet.end_of(1)) or self.backends.get(packet.end_of(0))
            return [flow] if flow else []
        return [flow for flow in self.flows if flow.via.version == packet.version
                or packet.address(1) == flow.front[0]]

    def is_late(self, packet):
        """Of a flow that another case began: its service is gone, what comes back is not."""
        if packet.has_ports():
            return packet.address(0) in self.lb.macs
        return packet.number == ICMP[packet.version] and packet.quote().address(1) in self.lb.macs

    def echoed(self, packet, after):
        wanted = bytearray(packet.data)
        at, size = ADDRESSES[packet.version]
        at += packet.at
        wanted[:12] = wanted[6:12] + self.mac
        wanted[at:at + 2 * size] = wanted[at + size:at + 2 * size] + wanted[at:at + size]
        wanted[packet.at + TTL[packet.version]] = 64
        wanted[packet.inside] = ECHO[packet.version][1]
        allowed = {packet.inside + 2, packet.inside + 3}
        allowed |= {packet.at + 10, packet.at + 11} if packet.version == 4 else set()
        changed = changed_places(wanted, after)
        check(len(wanted) == len(after) and changed <= allowed, "echo: wrong at bytes %s",
              sorted(changed - allowed))
        answer = Packet(after, packet.at)
        same(answer.inside_sum(), packet.inside_sum(), "the echo's checksum residue")
        same(answer.header_sum(), packet.header_sum(), "the echo's header residue")

    def forwarded(self, flow, packet, after):
        before = packet.data
        if isinstance(flow, IpipFlow):
            after = self.unwrapped(flow, packet, after)
        elif isinstance(flow, DsrFlow):
            check(before[12:] == after[12:], "dsr, but changed")
            owners = [address for address in flow.via.backends
                      if self.lb.macs[address] == after[:6].hex(":")]
            check(owners, "to another's MAC")
            return self.noted(packet)
        if isinstance(flow, IpipFlow):
            self.one_hop(packet, after, packet.hop_places())
            return self.noted(packet)
        return self.addressed(flow, packet, self.one_hop(packet, after, packet.places()))

    def one_hop(self, packet, after, places):
        """Changed there and in the MACs only, and no checksum is more wrong than it was."""
        before = packet.data
        check(len(before) == len(after), "%d bytes became %d", len(before), len(after))
        result = Packet(after, packet.at)
        hops = packet.at + TTL[packet.version]
        check(after[hops] == before[hops] - 1, "TTL %d became %d", before[hops], after[hops])
        changed = changed_places(before, after)
        allowed = places | {*range(12)}
        check(changed <= allowed, "changed at bytes %s", sorted(changed - allowed))
        check(max(changed) < packet.end, "changed behind the IP packet")
        same(result.sums(), packet.sums(), "what the checksums fit by")
        return result

    # ---- where to ----

    def noted(self, packet):
        """It may have begun a flow."""
        if packet.has_ports():
            self.clients.add((packet.address(0), packet.port(0)))
            self.macs.add(packet.data[6:12])

    def addressed(self, flow, packet, result):
        if not result.has_ports():
            return self.about(flow, result)
        ends = result.end_of(1)
        if self.backends.get(ends) is flow:
            check(self.fronts.get(packet.end_of(1)) is flow,
                  "to a backend, but it was not for its service")
            check(flow.method == "nat" or packet.end_of(0) == result.end_of(0), "dnat, but the "
                  "source is changed")
            self.noted(packet)
            return self.to_backend_mac(result)
        check(self.backends.get(packet.end_of(0)) is flow, "to a client, but not from a backend")
        check(ends[:2] in self.clients, "to an unknown %s:%d", *ends[:2])
        check(self.fronts.get(result.end_of(0)) is flow, "to a client, from nowhere")
        return self.to_client_mac(result)

    def about(self, flow, result):
        """An error, or a fragment without ports."""
        target = result.address(1)
        if target in flow.via.backends and result.data[:6].hex(":") == self.lb.macs[target]:
            return
        check(target in {address for address, _ in self.clients}, "to unknown %s", target)
        self.to_client_mac(result)

    def to_backend_mac(self, result):
        check(result.data[:6].hex(":") == self.lb.macs[result.address(1)], "to another's MAC")

    def to_client_mac(self, result):
        check(result.data[:6] in self.macs, "to an unknown MAC")

    # ---- out of the tunnel ----

    def unwrapped(self, flow, packet, after):
        """The frame as if it had not been wrapped; what was around it is right."""
        at, more = packet.at, flow.overhead
        check(len(after) == len(packet.data) + more, "%d bytes became %d", len(packet.data),
              len(after))
        outer = Packet(after, at)
        same(outer.version, flow.via.version, "the outer version")
        same(outer.end, packet.end + more, "the outer length")
        same(after[at + TTL[outer.version]], 64, "the outer TTL")
        same(traffic_class(after), traffic_class(packet.data), "the outer traffic class")
        same(outer.header_sum(), 0, "the outer header's residue")
        check(outer.version == 6 or after[at] == 0x45 and not outer.offset and not outer.more,
              "the outer header: %s", after[at:at + 20].hex())
        check(outer.address(1) in flow.via.backends, "wrapped to %s", outer.address(1))
        check(after[:6].hex(":") == self.lb.macs[outer.address(1)], "to another's MAC")
        if isinstance(flow, GueFlow):
            self.in_udp(flow, packet, outer)
        else:
            same(outer.number, {4: 4, 6: 41}[packet.version], "the outer protocol")
            check(ipaddress.ip_address(outer.address(0)) in SPREAD[outer.version], "wrapped by %s",
                  outer.address(0))
        return after[:at - 2] + packet.data[at - 2:at] + after[at + more:]

    def in_udp(self, flow, packet, outer):
        same(outer.number, 17, "the outer protocol")
        same(outer.address(0), flow.via.own, "the outer source")
        same(outer.port(1), flow.port, "the outer port")
        check(outer.port(0) >= 49152, "source port %d", outer.port(0))
        same(outer.word(outer.inside + 4), outer.end - outer.inside, "the outer UDP's length")
        residue = outer.inside_sum()
        if residue == "none":
            check(outer.version == 4, "no checksum over IPv6")
            return
        # Right, or wrong by as much as the checksums it was taken from.
        inner = packet.inside_sum()
        wrong = packet.header_sum() + (inner if isinstance(inner, int) else 0)
        check(residue in (0, wrong % 0xffff), "the outer checksum fits by %d, those inside by %s",
              residue, packet.sums())

    # ---- many packets ----

    def judge(self, before, result):
        check(result.verdict in (*SENT, "PASS", "DROP"), "verdict %s", result.verdict)
        if result.verdict in SENT:
            self.sent(before, result.data)
        else:
            check(result.data == before, "%s, but changed", result.verdict)

    def batch(self, frames):
        before = self.lb.stats()
        results = self.lb.send_all(frames)
        after = self.lb.stats()
        for frame, result in zip(frames, results):
            self.judge_and_note(frame, result)
        verdicts = [result.verdict for result in results]
        wanted = {"tx": sum(verdict in SENT for verdict in verdicts),
                  "pass": verdicts.count("PASS"), "drop": verdicts.count("DROP")}
        same(counted(before, after, "verdicts"), {k: v for k, v in wanted.items() if v},
             "what the verdicts grew by")
        same(sum(counted(before, after, "drops").values()), wanted["drop"], "drops counted by name")
        return wanted

    def judge_and_note(self, frame, result):
        try:
            self.judge(frame, result)
        except (Failed, IndexError) as error:
            self.wrong.setdefault(str(error), []).append(
                f"{frame.hex()} became {result.verdict} {result.data.hex()}")
