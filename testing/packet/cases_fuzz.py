# SPDX-License-Identifier: GPL-2.0-only
"""Random changes of good packets: what comes out must be right all the same."""
import random

from balancer import BACKENDS, CLIENT, VIP, Service, counted
from case import Failed, case, check, same
from flow import SENT, Flow
from wire import ports, source_address, target_address, word_sum

PACKETS = 20000
ERRORS = 4000
BATCH = 1000
INTERESTING = [0, 1, 2, 7, 8, 19, 20, 21, 27, 28, 40, 0x7fff, 0x8000, 0xffff]


# ---- the mutations ---------------------------------------------------------------


def flip(draw, data):
    data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)


def set_byte(draw, data):
    data[draw.randrange(len(data))] = draw.randrange(256)


def set_word(draw, data):
    at = draw.randrange(len(data) - 1)
    data[at:at + 2] = draw.choice(INTERESTING).to_bytes(2, "big")


def swap_word(draw, data):
    one, two = (draw.randrange(0, len(data) - 1, 2) for _ in range(2))
    data[one:one + 2], data[two:two + 2] = data[two:two + 2], data[one:one + 2]


def cut(draw, data):
    del data[draw.randrange(14, len(data) + 1):]


def grow(draw, data):
    data += draw.randbytes(draw.randrange(1, 40))


def set_flags(draw, data):
    if len(data) > 47:
        data[47] = draw.randrange(64)


def mend(_draw, data):
    """The IP checksum again, so that a change is not seen by it."""
    size = 14 + (data[14] & 15) * 4 if len(data) > 14 else 0
    if 34 <= size <= len(data):
        data[24:26] = b"\0\0"
        total = word_sum(bytes(data[14:size]))
        data[24:26] = (0xffff - total).to_bytes(2, "big")


MUTATIONS = [flip, flip, set_byte, set_byte, set_word, set_word, swap_word, cut, grow, set_flags]


def mutate(draw, data):
    data = bytearray(data)
    for _ in range(draw.choice([0, 1, 1, 1, 2, 3])):
        if len(data) > 15:
            draw.choice(MUTATIONS)(draw, data)
    if draw.random() < 0.5:
        mend(draw, data)
    return bytes(data)


# ---- what must not change: the sums, right or wrong --------------------------------


def layer4_sum(data, start, end):
    """Of TCP or UDP with its pseudo header: 0 when the checksum is right."""
    proto = data[23]
    if proto == 17:
        end = start + int.from_bytes(data[start + 4:start + 6], "big")
    pseudo = data[26:34] + bytes([0, proto]) + (end - start).to_bytes(2, "big")
    return word_sum(pseudo + data[start:end])


def sums(data):
    """Residues over the IP header and over what it carries."""
    start = 14 + (data[14] & 15) * 4
    end = 14 + int.from_bytes(data[16:18], "big")
    header = word_sum(data[14:start])
    if data[23] == 17 and data[start + 6:start + 8] == b"\0\0":
        return header, "none"
    if data[23] in (6, 17):
        return header, layer4_sum(data, start, end)
    inner = start + 8
    return (header, word_sum(data[start:end]),
            word_sum(data[inner:inner + (data[inner] & 15) * 4]))


def changeable(data):
    """The places that a rewrite may change."""
    start = 14 + (data[14] & 15) * 4
    places = {*range(12), 22, 24, 25, *range(26, 34)}
    if data[23] in (6, 17):
        check_at = start + (16 if data[23] == 6 else 6)
        return places | {*range(start, start + 4), check_at, check_at + 1}
    inner = start + 8
    inside = inner + (data[inner] & 15) * 4
    check_at = inside + (16 if data[inner + 9] == 6 else 6)
    return places | {start + 2, start + 3, inner + 10, inner + 11, *range(inner + 12, inner + 20),
                     *range(inside, inside + 4), check_at, check_at + 1}


# ---- the judge --------------------------------------------------------------------


class Judge:
    def __init__(self, lb, services, flows):
        self.lb = lb
        self.fronts = {(s.address, s.port, s.proto) for s in services}
        self.backends = {(addr, s.port + 10000, s.proto) for s in services for addr in BACKENDS}
        self.clients = {flow.client for flow in flows}
        self.macs = {bytes.fromhex(flow.mac.replace(":", "")) for flow in flows}
        self.wrong = {}  # examples by what is wrong
        self.mac = bytes.fromhex(lb.mac.replace(":", ""))

    def sent(self, before, after):
        self.unchanged_elsewhere(before, after)
        check(after[6:12] == self.mac, "not from the balancer's MAC")
        check(after[22] == before[22] - 1, "TTL %d became %d", before[22], after[22])
        check(sums(after) == sums(before), "the checksums fit by %s before, by %s after",
              sums(before), sums(after))
        if after[23] == 1:
            self.about(before, after)
        else:
            self.addressed(before, after)

    def unchanged_elsewhere(self, before, after):
        check(len(before) == len(after), "%d bytes became %d", len(before), len(after))
        end = 14 + int.from_bytes(before[16:18], "big")
        check(end <= len(before), "sent although cut short")
        allowed = changeable(before)
        changed = {i for i, pair in enumerate(zip(before, after)) if pair[0] != pair[1]}
        check(changed <= allowed, "changed at bytes %s", sorted(changed - allowed))
        check(not changed or max(changed) < end, "changed behind the IP packet")

    def addressed(self, before, after):
        proto = "tcp" if after[23] == 6 else "udp"
        sport, dport = ports(after)
        if (target_address(after), dport, proto) in self.backends:
            check((target_address(before), ports(before)[1], proto) in self.fronts,
                  "to a backend, but it was not for a service")
            self.clients.add((source_address(before), ports(before)[0]))
            self.macs.add(before[6:12])
            return self.to_backend_mac(after)
        check((source_address(before), ports(before)[0], proto) in self.backends,
              "to a client, but not from a backend")
        check((target_address(after), dport) in self.clients, "to an unknown %s:%d",
              target_address(after), dport)
        check((source_address(after), sport, proto) in self.fronts, "to a client, from nowhere")
        return self.to_client_mac(after)

    def about(self, _before, after):
        if target_address(after) in BACKENDS:
            return self.to_backend_mac(after)
        check(target_address(after) in {addr for addr, _ in self.clients}, "error to unknown %s",
              target_address(after))
        return self.to_client_mac(after)

    def to_backend_mac(self, after):
        check(after[:6].hex(":") == self.lb.macs[target_address(after)], "to another's MAC")

    def to_client_mac(self, after):
        check(after[:6] in self.macs, "to an unknown MAC")

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
                f"{frame.hex()} became {result.data.hex()}")


def packets_of(flow):
    return [flow.first(), flow.sent(payload=b"some data"), flow.replied(payload=b"data"),
            flow.sent(option_words=3), flow.replied(option_words=10, payload=b"x")]


def errors_of(flow):
    return [data for length in (28, 40, 200)
            for data in (flow.error_in(flow.forwarded(payload=b"data"), length),
                         flow.error_up(flow.returned(payload=b"data"), length, type=11))]


@case(f"fuzz: {PACKETS} random changes of good tcp and udp", 1, PACKETS, packets_of)
@case(f"fuzz: {ERRORS} random changes of good icmp errors", 2, ERRORS, errors_of)
def fuzz(lb, seed, count, frames_of):
    draw = random.Random(seed)
    lb.flush()
    services = [Service(VIP, 901 + i, proto) for i, proto in enumerate(("tcp", "udp", "tcp"))]
    for service in services:
        lb.set_backends(service, [f"{addr}:{service.port + 10000}" for addr in BACKENDS])
    flows = [Flow(lb, service, (CLIENT, 41000 + i)).establish()
             for service in services for i in range(3)]
    frames = [data for flow in flows for data in frames_of(flow)]
    judge = Judge(lb, services, flows)
    seen = {"tx": 0, "pass": 0, "drop": 0}
    for _ in range(count // BATCH):
        batch = [mutate(draw, draw.choice(frames)) for _ in range(BATCH)]
        for verdict, times in judge.batch(batch).items():
            seen[verdict] += times
    same(sum(seen.values()), count, "how many were judged")
    check(not judge.wrong, "%s",
          "; ".join(f"{len(of)} times: {what}, as {of[0]}" for what, of in judge.wrong.items()))
    check(min(seen["tx"], seen["pass"]) > count // 50, "too one-sided to mean anything: %s", seen)
