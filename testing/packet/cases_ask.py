# SPDX-License-Identifier: GPL-2.0-only
"""A backend whose MAC the kernel has forgotten: a packet becomes the question for it."""
import time

from balancer import CLIENT_MAC, INTERFACE, counted, endpoint, run
from case import check, each_way, same
from flow import WAYS
from wire import TAGS, echo

PAYLOAD = bytes(range(64))


class Forgotten:
    """While this is so; the program asks the kernel again in its next second."""

    def __init__(self, lb, address):
        self.lb, self.address = lb, address

    def __enter__(self):
        run("ip", "neigh", "del", self.address, "dev", INTERFACE)
        time.sleep(1.1)

    def __exit__(self, *_):
        run("ip", "neigh", "replace", self.address, "lladdr", self.lb.macs[self.address],
            "dev", INTERFACE, "nud", "permanent")


def question(flow, tags=()):
    """Of the backend to this machine, behind the tags that the packet came with."""
    return echo((CLIENT_MAC, flow.balancer.mac), flow.backend[0], flow.via.own, payload=b"",
                number=(0, 0), tags=tags, id=0)


def expect_asked(lb, flow, sent, tags=()):
    """One of them; the others are dropped, until the next second begins, and all are counted so."""
    before = lb.stats()
    results = lb.send_all([sent] * 20)
    passed = [result for result in results if result.verdict == "PASS"]
    check(1 <= len(passed) <= 2, "%d were passed on", len(passed))
    wanted = question(flow, tags)
    for result in passed:
        same(result.data.hex(), (wanted + sent[len(wanted):]).hex(), "the question")
    same({result.verdict for result in results}, {"PASS", "DROP"}, "the verdicts")
    after = lb.stats()
    same(counted(before, after, "verdicts"), {"drop": 20}, "the verdicts that are counted")
    same(counted(before, after, "drops"), {"no_neighbour": 20}, "the reasons")


@each_way("no neighbour: a packet asks for it", WAYS, protos=("udp",))
def asked(lb, way, proto):
    flow = way.open(lb, proto=proto)
    with Forgotten(lb, flow.backend[0]):
        expect_asked(lb, flow, flow.sent(payload=PAYLOAD))
        if way.family.version < way.via.version:
            time.sleep(1.1)
            same(lb.send(flow.sent()).verdict, "DROP", "the verdict on one too short for it")
    flow.go(payload=b"known again")


@each_way("no neighbour: a packet with tags asks for it", WAYS[:2], protos=("udp",))
def asked_behind_tags(lb, way, proto):
    flow = way.open(lb, proto=proto)
    with Forgotten(lb, flow.backend[0]):
        for tags in (TAGS["one tag"], TAGS["two tags"]):
            expect_asked(lb, flow, flow.sent(payload=PAYLOAD, tags=tags), tags)
            time.sleep(1.1)


@each_way("no neighbour: a backend whose MAC is given is not asked for", WAYS[:2], protos=("udp",))
def given(lb, way, proto):
    address = {4: "10.71.0.60", 6: "fd71::60"}[way.via.version]  # no other case's
    backend = f"{endpoint(address, lb.backend_port())},mac=02:00:00:00:00:60"
    flow = way.flow_to(lb, lb.service(backend, proto=proto, address=way.family.vip))
    run("ip", "neigh", "del", address, "dev", INTERFACE)
    same(lb.send(flow.sent(payload=PAYLOAD)).verdict, "DROP", "the verdict")
