# SPDX-License-Identifier: GPL-2.0-only
"""Echo requests to a service's address are answered, others are passed."""
from balancer import FAMILIES, counted, run
from case import case, check, same
from flow import SENT, WAYS, expect_passed
from wire import TAGS, echo, fragments

OPTIONS = [{}, {"option_words": 1, "extensions": ("hop-by-hop",)},
           {"option_words": 10, "extensions": ("destination", "routing", "ah")},
           {"tags": TAGS["one tag"]}, {"tags": TAGS["two tags"]}, {"trailer": b"behind"},
           {"tos": 0xb9, "flags": "DF", "id": 0, "label": 0xabcde}, {"ttl": 1}, {"ttl": 255}]


def request(lb, family, target=None, **fields):
    return echo(("02:00:00:00:00:02", lb.mac), family.client, target or family.vip, **fields)


def reply(lb, family, **fields):
    return echo((lb.mac, "02:00:00:00:00:02"), family.vip, family.client, reply=True,
                **{**fields, "ttl": 64})


def each(title):
    """A case for each family and program."""
    def register(function):
        for family in FAMILIES.values():
            for program in ("xdplb", "xdplb_encap"):
                case(f"{title}: v{family.version}, by {program}", family, program=program)(function)
        return function
    return register


def any_service(lb, family):
    return WAYS[0 if family.version == 4 else 1].service(lb)


@each("echo requests to a service's address are answered")
def answered(lb, family):
    any_service(lb, family)
    before = lb.stats()
    described = [{"payload": bytes(range(length % 256)) + bytes(length // 256 * 256), **options}
                 for options in OPTIONS for length in (0, 1, 2, 55, 56, 1400)]
    described += [{"payload": bytes([0xff] * 50)}, {"payload": bytes(8900)}]
    for linear in (None, 200):
        frames = [request(lb, family, **one) for one in described]
        for one, result in zip(described, lb.send_all(frames, linear)):
            check(result.verdict in SENT, "verdict %s", result.verdict)
            same(result.data.hex(), reply(lb, family, **one).hex(), f"the answer to {one}")
    after = lb.stats()
    count = 2 * len(described)
    same(counted(before, after, "answers"), {"echo": count}, "what is counted")
    same(counted(before, after, "verdicts"), {"tx": count}, "the verdicts")


@each("echo requests from nobody are passed")
def nobody(lb, family):
    any_service(lb, family)
    sources = ["224.0.0.1", "255.255.255.255", "127.0.0.1", "0.0.0.0", family.vip]
    if family.version == 6:
        sources = ["ff02::1", "::", "::1", "a47:2::", family.vip]
    for source in sources:
        data = echo(("02:00:00:00:00:02", lb.mac), source, family.vip)
        expect_passed(lb.send(data), data)


@each("echo requests: every checksum an answer can have")
def checksums(lb, family):
    any_service(lb, family)
    for first in range(0, 65536, 257):
        one = {"payload": first.to_bytes(2, "big")}
        result = lb.send(request(lb, family, **one))
        same(result.data.hex(), reply(lb, family, **one).hex(), f"the answer to {one}")
    at = 14 + {4: 20, 6: 40}[family.version] + 2
    for make in (request, reply):
        data = make(lb, family, payload=b"\0\0")[at:at + 2]
        result = lb.send(request(lb, family, payload=data))
        same(result.data.hex(), reply(lb, family, payload=data).hex(), "the answer")


@each("echo requests that are not for a service are passed as they were")
def passed(lb, family):
    any_service(lb, family)
    frames = [request(lb, family, target, **one) for one in OPTIONS
              for target in (family.own, family.backends[0], family.client)]
    frames += [request(lb, family, **{"reply": True, **one}) for one in OPTIONS]
    for sent in frames:
        expect_passed(lb.send(sent), sent)


@each("echo requests in fragments are passed as they were")
def fragmented(lb, family):
    any_service(lb, family)
    whole = request(lb, family, payload=bytes(800), extensions=("fragment",), id=lb.ident())
    for sent in fragments(whole, 400):
        expect_passed(lb.send(sent), sent)


@each("echo requests cut short are passed as they were")
def short(lb, family):
    any_service(lb, family)
    for options in OPTIONS[:5]:
        whole = request(lb, family, payload=bytes(20), **options)
        for length in range(14, len(whole)):
            result = lb.send(whole[:length])
            check(result.verdict not in SENT, "%s of %d bytes", result.verdict, length)
            same(result.data, whole[:length], "the packet")


@each("echo=off: passed as they were, echo=on: answered")
def settable(lb, family):
    any_service(lb, family)
    sent = request(lb, family)
    try:
        run("xdplb-config", "set", "echo=off")
        expect_passed(lb.send(sent), sent)
    finally:
        run("xdplb-config", "set", "echo=on")
    same(lb.send(sent).data.hex(), reply(lb, family).hex(), "the answer")


@each("echo requests to the address of a service that is gone are passed as they were")
def gone(lb, family):
    any_service(lb, family)
    lb.flush()
    sent = request(lb, family)
    expect_passed(lb.send(sent), sent)
