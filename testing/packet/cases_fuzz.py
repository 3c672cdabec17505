# SPDX-License-Identifier: GPL-2.0-only
"""Random changes of good packets: what comes out must be right all the same."""
import random

from case import case, check, same
from flow import WAYS
from judge import Judge
from mutate import mutate
from wire import TAGS, fragments

PACKETS = 30000
ERRORS = 10000
BATCH = 1000
OPTIONS = [{"option_words": 3, "extensions": ("hop-by-hop",)},
           {"option_words": 10, "extensions": ("destination", "routing", "ah")},
           {"extensions": ("fragment",)}, {"tags": TAGS["one tag"]}, {"tags": TAGS["two tags"]}]


def packets_of(flow):
    yield from (flow.first(), flow.sent(payload=b"some data"), flow.replied(payload=b"data"))
    yield from (make(**options, payload=b"x") for options in OPTIONS
                for make in (flow.sent, flow.replied))
    whole = {"payload": bytes(40), "extensions": ("fragment",)}
    yield from fragments(flow.sent(**whole), 32)
    yield from fragments(flow.replied(**whole), 32)


def errors_of(flow):
    for length in (28, 40, 48, 200):
        for options in ({}, *OPTIONS):
            returned = flow.returned(payload=b"data")
            yield flow.error_up(returned, length, **options, **{"type": 3})
            if flow.method in ("nat", "dnat"):
                yield flow.error_in(flow.forwarded(payload=b"data"), length, **options)


def fuzz(lb, seed, count, frames_of):
    draw = random.Random(seed)
    lb.flush()
    ways = [way for way in WAYS if lb.program in way.programs()]
    flows = [way.open(lb, *way.via.backends, proto=proto, own=True)
             for way in ways for proto in ("tcp", "udp")]
    frames = [data for flow in flows for data in frames_of(flow)]
    judge = Judge(lb, flows)
    seen = {"tx": 0, "pass": 0, "drop": 0}
    for _ in range(count // BATCH):
        batch = [mutate(draw, draw.choice(frames)) for _ in range(BATCH)]
        for verdict, times in judge.batch(batch).items():
            seen[verdict] += times
    same(sum(seen.values()), count, "how many were judged")
    check(not judge.wrong, "%s",
          "; ".join(f"{len(of)} times: {what}, as {of[0]}" for what, of in judge.wrong.items()))
    check(min(seen["tx"], seen["pass"]) > count // 50, "too one-sided to mean anything: %s", seen)


for program_name in ("xdplb", "xdplb_encap"):
    case(f"fuzz: {PACKETS} random changes of good tcp and udp, by {program_name}", 1, PACKETS,
         packets_of, program=program_name)(fuzz)
    case(f"fuzz: {ERRORS} random changes of good icmp errors, by {program_name}", 2, ERRORS,
         errors_of, program=program_name)(fuzz)
