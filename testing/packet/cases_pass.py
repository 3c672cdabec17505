# SPDX-License-Identifier: GPL-2.0-only
"""What is not for a service gets by, every byte of it."""
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import ARP, Dot1AD, Dot1Q, Ether
from scapy.layers.sctp import SCTP
from scapy.packet import Raw

from balancer import BACKENDS, CLIENT, CLIENT_MAC, OWN, VIP, counted
from case import case, check, same
from flow import Flow, expect_passed


def ether(lb, kind=None):
    return Ether(src=CLIENT_MAC, dst=lb.mac, **({"type": kind} if kind else {}))


def strangers(lb, port):
    """Packets that are nothing to a service on `port`/tcp."""
    here = IP(src=CLIENT, dst=VIP)
    syn = TCP(sport=4000, dport=port, flags="S")
    tagged = ether(lb) / Dot1Q(vlan=7)
    return {
        "another port": ether(lb) / here / TCP(sport=4000, dport=port + 20000, flags="S"),
        "another address": ether(lb) / IP(src=CLIENT, dst="192.0.2.11") / syn,
        "the balancer's address": ether(lb) / IP(src=CLIENT, dst=OWN) / syn,
        "from the service's port": ether(lb) / here / TCP(sport=port, dport=4000, flags="S"),
        "from the service": ether(lb) / IP(src=VIP, dst=CLIENT) / TCP(sport=port, dport=4000),
        "from a backend": ether(lb) / IP(src=BACKENDS[0], dst=CLIENT) / TCP(sport=port, dport=9),
        "udp": ether(lb) / here / UDP(sport=4000, dport=port) / Raw(b"data"),
        "port 0": ether(lb) / here / TCP(sport=4000, dport=0, flags="S"),
        "arp request": ether(lb) / ARP(op=1, psrc=CLIENT, pdst=OWN),
        "arp reply": ether(lb) / ARP(op=2, psrc=BACKENDS[0], pdst=OWN),
        "ipv6 tcp": ether(lb) / IPv6(src="fd71::2", dst="fd71::10") / syn,
        "vlan": tagged / ARP(op=1, psrc=CLIENT, pdst=OWN),
        "two vlan tags": ether(lb) / Dot1AD(vlan=3) / Dot1Q(vlan=7) / ARP(op=1, psrc=CLIENT),
        "three vlan tags": tagged / Dot1Q(vlan=7) / Dot1Q(vlan=7) / here / syn,
        "sctp": ether(lb) / here / SCTP(sport=4000, dport=port),
        "gre": ether(lb) / IP(src=CLIENT, dst=VIP, proto=47) / Raw(bytes(32)),
        "ipip": ether(lb) / IP(src=CLIENT, dst=VIP) / here / syn,
        "no protocol": ether(lb) / IP(src=CLIENT, dst=VIP, proto=255) / Raw(bytes(32)),
        "echo reply": ether(lb) / here / ICMP(type=0, id=1) / Raw(b"pong"),
        "icmp redirect": ether(lb) / here / ICMP(type=5) / here / syn,
        "lldp": ether(lb, 0x88cc) / Raw(bytes(46)),
        "a length for a type": ether(lb, 46) / Raw(bytes(46)),
        "mpls": ether(lb, 0x8847) / Raw(bytes(46)),
        "ipv6 under IPv4's type": ether(lb, 0x0800) / IPv6(src="fd71::2", dst="fd71::10") / syn,
        "broadcast": ether(lb) / IP(src=CLIENT, dst="255.255.255.255") / UDP(sport=68, dport=67),
        "multicast": ether(lb) / IP(src=CLIENT, dst="224.0.0.5", proto=89) / Raw(bytes(44)),
        "only an ethernet header": ether(lb, 0x0800),
    }


@case("not for a service: passed as it was")
def passed(lb):
    service = lb.service(*BACKENDS)
    before = lb.stats()
    for name, packet in strangers(lb, service.port).items():
        result = lb.send(bytes(packet))
        check(result == ("PASS", bytes(packet)), "%s: %s %s", name, result.verdict,
              result.data.hex())
    after = lb.stats()
    same(counted(before, after, "verdicts"), {"pass": len(strangers(lb, service.port))},
         "what the verdicts grew by")
    same(counted(before, after, "drops"), {}, "what the drops grew by")


@case("frames to all or to many are no unicast to a service: passed as they were")
def group_frames(lb):
    flow = Flow(lb, lb.service(BACKENDS[0])).establish()
    for target in ("ffffffffffff", "01005e0000fb", "0180c2000000"):
        for frame in (flow.sent(), flow.replied(), flow.first()):
            sent = bytes.fromhex(target) + frame[6:]
            expect_passed(lb.send(sent), sent)


@case("tcp without a flow and not a syn: passed as it was, counted")
def no_flow(lb):
    flow = Flow(lb, lb.service(*BACKENDS))
    flags = ["A", "PA", "SA", "F", "FA", "R", "RA", "SR", "SF", "", "FPU", "P"]
    before = lb.stats()
    for word in flags:
        sent = flow.sent(flags=word, payload=b"data")
        expect_passed(lb.send(sent), sent)
    same(counted(before, lb.stats(), "passed"), {"no_flow": len(flags)}, "what is counted")


@case("a reply without a flow: passed as it was, nothing counted")
def stray_reply(lb):
    flow = Flow(lb, lb.service(f"{BACKENDS[0]}:8090"))
    flow.backend, flow.snat = (BACKENDS[0], 8090), (OWN, 62000)
    before = lb.stats()
    for flags in ("SA", "A", "R"):
        sent = flow.replied(flags=flags)
        expect_passed(lb.send(sent), sent)
    after = lb.stats()
    same(counted(before, after, "drops"), {}, "what the drops grew by")
    same(counted(before, after, "passed"), {}, "what is counted")


@case("a service that is gone: its packets are passed as they were")
def service_gone(lb):
    flow = Flow(lb, lb.service(BACKENDS[0])).establish()
    lb.flush()
    for sent in (flow.sent(flags="S"), flow.sent(), flow.sent(flags="F")):
        expect_passed(lb.send(sent), sent)
