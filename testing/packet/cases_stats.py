# SPDX-License-Identifier: GPL-2.0-only
"""Counters, to the last packet and byte."""
from balancer import BACKENDS, CLIENT, counted
from case import case, same
from flow import Flow

NAMES = ("packets", "bytes", "reply_packets", "reply_bytes", "new_flows", "active_flows")


def numbers(stats):
    return {name: stats[name] for name in NAMES}


@case("stats: packets, bytes, replies, flows of a service and its backends", "tcp", 40)
@case("stats: packets, bytes, replies, flows of a service and its backends, udp", "udp", 28)
def exact(lb, proto, headers):
    service = lb.service(f"{BACKENDS[0]}:8400", f"{BACKENDS[1]}:8400", proto=proto)
    before = lb.stats()
    flows = [Flow(lb, service, (CLIENT, 30000 + i)).establish() for i in range(4)]
    for i, flow in enumerate(flows):
        for length in range(i):
            flow.go(payload=bytes(length), trailer=bytes(9))  # a trailer does not count
        flow.back(payload=bytes(100 * i))
    wanted = [{"packets": 2, "bytes": 2 * (14 + headers), "reply_packets": 1,
               "reply_bytes": 14 + headers, "new_flows": 1, "active_flows": 1} for _ in flows]
    for i, one in enumerate(wanted):
        one["packets"] += i
        one["bytes"] += sum(14 + headers + length for length in range(i))
        one["reply_bytes"] += 100 * i
    after = lb.stats()
    stats = lb.service_stats(service)
    for at in (0, 1):
        same(numbers(stats["backends"][at]),
             {name: wanted[at][name] + wanted[at + 2][name] for name in NAMES}, f"backend {at}")
    same(numbers(stats), {name: sum(one[name] for one in wanted) for name in NAMES}, "the service")
    same(counted(before, after, "verdicts"), {"tx": sum(range(4)) + 12}, "the verdicts")


@case("stats: what is passed or dropped counts for no service")
def not_counted(lb):
    service = lb.service(BACKENDS[0])
    flow = Flow(lb, service)
    lb.send_all([flow.sent(), flow.sent(flags="S", ip={"ttl": 1}), flow.sent(flags="S")[:40]])
    same(numbers(lb.service_stats(service)), dict.fromkeys(NAMES, 0), "the service")


@case("stats: a backend that leaves takes nothing from the service's totals")
def totals(lb):
    service = lb.service(*BACKENDS[:2])
    flows = [Flow(lb, service, (CLIENT, 31000 + i)).establish() for i in range(4)]
    before = numbers(lb.service_stats(service))
    lb.set_backends(service, [BACKENDS[1]])
    same(numbers(lb.service_stats(service)), before, "the service")
    same(len(flows), before["new_flows"], "new_flows")
