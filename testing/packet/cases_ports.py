# SPDX-License-Identifier: GPL-2.0-only
"""Source ports: whose they are, and what happens when there are no more."""
import contextlib
import socket

from balancer import BACKENDS, CLIENT, OWN, Service, counted
from case import case, check, same
from flow import SENT, Flow, expect_dropped
from wire import ports

SNATS = ("10.71.0.50", "10.71.0.51")
SYSCTL = "/proc/sys/net/ipv4/ip_local_"


@contextlib.contextmanager
def sysctl(name, value):
    with open(SYSCTL + name, encoding="ascii") as file:
        before = file.read()
    write(name, value)
    try:
        yield
    finally:
        write(name, before.strip())


def write(name, value):
    with open(SYSCTL + name, "w", encoding="ascii") as file:
        file.write(value + "\n")


def fill(lb, service, count, snats=(OWN,)):
    """Establishes flows one by one; returns those that were given a port."""
    flows = [Flow(lb, service, (CLIENT, 1025 + i), snats=snats) for i in range(count)]
    results = lb.send_all([data for flow in flows for data in (flow.first(), flow.sent())])
    opened = []
    for flow, first, second in zip(flows, results[::2], results[1::2]):
        if first.verdict in SENT:
            opened.append(flow.learn(first))
            check(second.verdict in SENT, "a flow's second packet: %s", second.verdict)
    return opened


def spans(numbers):
    """Numbers in order as text, runs of them as first-last; one that is there twice shows."""
    runs = []
    for number in sorted(numbers):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return " ".join(f"{first}-{last}" for first, last in runs)


def expect_ports(flows, *runs):
    wanted = [port for first, last in runs for port in range(first, last + 1)]
    same(spans(flow.snat[1] for flow in flows), spans(wanted), "the ports")


@case("ports: none of the local port range", "tcp")
@case("ports: none of the local port range, udp", "udp")
def local_range(lb, proto):
    with sysctl("port_range", "1100 65400"):
        service = lb.service(f"{BACKENDS[0]}:8500", proto=proto)
        flows = fill(lb, service, 300)
    expect_ports(flows, (1024, 1099), (65401, 65535))


@case("ports: none that a socket has, even one younger than the service", "tcp", socket.SOCK_STREAM)
@case("ports: none that a socket has, even one younger than the service, udp", "udp",
      socket.SOCK_DGRAM)
def younger_socket(lb, proto, kind):
    with sysctl("port_range", "1024 65527"), socket.socket(socket.AF_INET, kind) as one, \
            socket.socket(socket.AF_INET, kind) as two:
        one.bind((OWN, 65530))
        one.listen() if proto == "tcp" else None
        service = lb.service(f"{BACKENDS[0]}:8501", proto=proto)
        two.bind(("0.0.0.0", 65533))
        two.listen() if proto == "tcp" else None
        flows = fill(lb, service, 20)
    expect_ports(flows, (65528, 65529), (65531, 65532), (65534, 65535))


@case("ports: none of ip_local_reserved_ports")
def reserved(lb):
    with sysctl("port_range", "1024 65519"), sysctl("reserved_ports", "65520-65524,65530"):
        flows = fill(lb, lb.service(f"{BACKENDS[0]}:8502"), 20)
    expect_ports(flows, (65525, 65529), (65531, 65535))


@case("ports: where one --snat address has no more, the other has")
def two_addresses(lb):
    with sysctl("port_range", "1024 65531"):
        service = lb.service(f"{BACKENDS[0]}:8504",
                             options=["--snat", SNATS[0], "--snat", SNATS[1]])
        flows = fill(lb, service, 20, SNATS)
    for address in SNATS:
        expect_ports([flow for flow in flows if flow.snat[0] == address], (65532, 65535))
    for flow in flows:
        flow.back(payload=b"yours")


@case("ports: not the port of a service on the source address")
def service_port(lb):
    with sysctl("port_range", "1024 65531"):
        lb.set_backends(Service(OWN, 65534, "tcp"), BACKENDS[:1])
        flows = fill(lb, lb.service(f"{BACKENDS[0]}:8503"), 20)
        lb.flush()
    expect_ports(flows, (65532, 65533), (65535, 65535))


def full(lb, port):
    """A service with as many established flows as there are ports: 535."""
    service = lb.service(f"{BACKENDS[0]}:{port}")
    flows = fill(lb, service, 65535 - 65000)
    expect_ports(flows, (65001, 65535))
    return service, flows


def comes_in(lb, flow, tries):
    """How many SYNs it takes until the flow is given a port."""
    for count in range(1, tries + 1):
        result = lb.send(flow.first())
        if result.verdict in SENT:
            flow.learn(result)
            return count
    return None


ENDINGS = {
    "fin both ways": lambda flow: (flow.go(flags="FA"), flow.back(flags="FA")),
    "rst": lambda flow: flow.go(flags="R"),
    "rst of the backend": lambda flow: flow.back(flags="R"),
}
MOST_TRIES = 2  # a client sends its SYN again

for at, ending_name in enumerate(ENDINGS):
    @case(f"exhaustion: 535 flows fit, not one more, until one ends by {ending_name}",
          8510 + at, ending_name)
    def exhausted(lb, port, name):
        with sysctl("port_range", "1024 65000"):
            service, flows = full(lb, port)
            one_more = Flow(lb, service, (CLIENT, 50000))
            expect_dropped(lb, [one_more.first()], "no_port")
            ended = flows[300]
            ENDINGS[name](ended)
            check(comes_in(lb, one_more, 64), "no place for a new flow, though one ended")
            same(one_more.snat, ended.snat, "its source port")
            one_more.back(flags="SA")
            for flow in (flows[0], flows[299], flows[301], flows[-1]):
                flow.go(payload=b"mine")
                flow.back(payload=b"yours")


@case("exhaustion: who comes when one flow has ended needs not knock often")
def quickly(lb):
    with sysctl("port_range", "1024 65000"):
        service, flows = full(lb, 8519)
        flows[300].go(flags="R")
        tries = comes_in(lb, Flow(lb, service, (CLIENT, 50000)), 64)
    check(tries and tries <= MOST_TRIES, "the new flow got its port at SYN number %s", tries)


@case("exhaustion: all flows keep their port, none is moved, the drops are counted")
def kept(lb):
    with sysctl("port_range", "1024 65000"):
        service, flows = full(lb, 8515)
        before = lb.stats()
        lb.send_all([Flow(lb, service, (CLIENT, 51000 + i)).first() for i in range(100)])
        after = lb.stats()
        same(counted(before, after, "drops"), {"no_port": 100}, "what the drops grew by")
        results = lb.send_all([flow.sent() for flow in flows])
    same([ports(result.data)[0] for result in results], [flow.snat[1] for flow in flows],
         "the ports")
    same(lb.service_stats(service)["active_flows"], 535, "active_flows")


@case("exhaustion: another backend port, another backend have ports of their own")
def apart(lb):
    with sysctl("port_range", "1024 65000"):
        full(lb, 8516)
        for backend in (f"{BACKENDS[0]}:8517", f"{BACKENDS[1]}:8516"):
            flow = Flow(lb, lb.service(backend), (CLIENT, 50000)).establish()
            check(flow.snat[1] > 65000, "port %d", flow.snat[1])


@case("exhaustion: flows that never got past their SYN give way, the established do not")
def syn_flood(lb):
    with sysctl("port_range", "1024 65519"):
        service = lb.service(f"{BACKENDS[0]}:8518")
        established = fill(lb, service, 8)
        flood = [Flow(lb, service, ("198.51.100.7", 1025 + i)).first() for i in range(200)]
        verdicts = {result.verdict for result in lb.send_all(flood)}
        check(verdicts & set(SENT), "none is sent, though ports are left")
        for flow in established:
            flow.go(payload=b"mine")
            flow.back(payload=b"yours")
        check(comes_in(lb, Flow(lb, service, (CLIENT, 52000)), 64), "nobody else comes in any more")


@case("exhaustion: flows of one datagram give way, those of more do not")
def udp_flood(lb):
    with sysctl("port_range", "1024 65519"):
        service = lb.service(f"{BACKENDS[0]}:8519", proto="udp")
        lasting = [Flow(lb, service, (CLIENT, 51000 + i)).establish() for i in range(4)]
        for flow in lasting:
            flow.go(payload=b"once more")
        lb.send_all([Flow(lb, service, ("198.51.100.8", 1025 + i)).first() for i in range(200)])
        for flow in lasting:
            flow.go(payload=b"mine")
            flow.back(payload=b"yours")
        check(comes_in(lb, Flow(lb, service, (CLIENT, 52001)), 2), "nobody else comes in any more")
