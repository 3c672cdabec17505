# SPDX-License-Identifier: GPL-2.0-only
"""Who takes a new flow."""
from balancer import BACKENDS, CLIENT
from case import case, same
from flow import Flow


def takers(lb, service, count, first_port=20000):
    """The letters of the backends that new flows go to, in order."""
    flows = [Flow(lb, service, (CLIENT, first_port + i)).open() for i in range(count)]
    return "".join("abc"[BACKENDS.index(flow.backend[0])] for flow in flows)


@case("syn to alternating backends", "tcp")
@case("datagrams of new clients to alternating backends", "udp")
def alternate(lb, proto):
    service = lb.service(*BACKENDS[:2], proto=proto)
    same(takers(lb, service, 8), "abababab", "the sequence")


@case("rr: three backends in turn, whatever their weights")
def rr(lb):
    service = lb.service(f"{BACKENDS[0]},weight=5", *BACKENDS[1:], options=["--scheduler", "rr"])
    same(takers(lb, service, 9), "abcabcabc", "the sequence")


@case("smooth wrr 5:1:1 is a a b a c a a")
def smooth(lb):
    service = lb.service(f"{BACKENDS[0]},weight=5", *BACKENDS[1:])
    same(takers(lb, service, 14), "aabacaa" * 2, "the sequence")


@case("smooth wrr 3:2")
def smooth_two(lb):
    service = lb.service(f"{BACKENDS[0]},weight=3", f"{BACKENDS[1]},weight=2")
    same(takers(lb, service, 10), "ababa" * 2, "the sequence")


@case("a repeated syn stays with its backend")
def repeated(lb):
    service = lb.service(*BACKENDS[:2])
    flow = Flow(lb, service).open()
    for _ in range(3):
        flow.go(flags="S")
    same(lb.service_stats(service)["new_flows"], 1, "new_flows")


@case("backend ports differ from the service's and from each other")
def backend_ports(lb):
    service = lb.service(f"{BACKENDS[0]}:8001", f"{BACKENDS[1]}:8002", f"{BACKENDS[0]}:8003")
    flows = [Flow(lb, service, (CLIENT, 21000 + i)).open() for i in range(3)]
    for flow in flows:
        flow.back(flags="SA")
    same([flow.backend for flow in flows],
         [(BACKENDS[0], 8001), (BACKENDS[1], 8002), (BACKENDS[0], 8003)], "the backends")


@case("drain takes no new flow, keeps the old; backup waits")
def drain(lb):
    service = lb.service(*BACKENDS[:2])
    old = Flow(lb, service).establish()
    lb.set_backends(service, [f"{BACKENDS[0]},state=drain", BACKENDS[1],
                              f"{BACKENDS[2]},state=backup"])
    same(takers(lb, service, 4), "bbbb", "the sequence")
    old.go(payload=b"still here")
    old.back(payload=b"me too")
    lb.set_backends(service, [f"{BACKENDS[0]},state=drain", f"{BACKENDS[2]},state=backup"])
    same(takers(lb, service, 2, 20010), "cc", "the sequence")
