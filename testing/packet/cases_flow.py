# SPDX-License-Identifier: GPL-2.0-only
"""The life of a flow."""
from balancer import BACKENDS, run
from case import case, check, each_way, same
from flow import SENT, TRANSLATORS, WAYS, DnatFlow, Flow, expect_dropped, expect_frame

DNATS = [way for way in WAYS if way.flow is DnatFlow]


def flow_of(lb, port):
    return Flow(lb, lb.service(f"{BACKENDS[0]}:{port}", f"{BACKENDS[1]}:{port}")).establish()


def numbers(flow):
    stats = flow.balancer.service_stats(flow.service)
    return stats["new_flows"], stats["active_flows"]


ENDINGS = {
    "fin of both": lambda flow: (flow.go(flags="FA"), flow.back(flags="FA"), flow.go()),
    "fin of both, backend first": lambda flow: (flow.back(flags="FA"), flow.go(flags="FA"),
                                                flow.back()),
    "rst of the client": lambda flow: flow.go(flags="R"),
    "rst of the backend": lambda flow: flow.back(flags="RA"),
}

for ending_name in ENDINGS:
    @case(f"{ending_name}: a syn begins a new flow", ending_name)
    def reopened(lb, name):
        flow = flow_of(lb, 8300)
        same(numbers(flow), (1, 1), "new and active flows")
        ENDINGS[name](flow)
        same(numbers(flow), (1, 0), "new and active flows after the end")
        again = Flow(lb, flow.service).open()
        same(numbers(flow), (2, 1), "new and active flows after a SYN")
        check(again.backend != flow.backend, "the new flow went to the old one's backend again")
        again.back(flags="SA")


@case("fin of one: a syn begins none, the flow goes on")
def half_closed(lb):
    flow = flow_of(lb, 8301)
    flow.go(flags="FA")
    same(numbers(flow)[0], 1, "new flows")
    flow.back(payload=b"more from the backend")
    flow.go()
    flow.go(flags="S")
    same(numbers(flow)[0], 1, "new flows")


@case("a rst that the backend did not believe ends nothing")
def forged_rst(lb):
    flow = flow_of(lb, 8302)
    flow.go(flags="R")
    flow.go(payload=b"data")
    flow.back(payload=b"data")
    same(numbers(flow), (1, 1), "new and active flows")


@case("packets after the end still get through")
def late(lb):
    flow = flow_of(lb, 8303)
    ENDINGS["fin of both"](flow)
    flow.go(flags="FA")
    flow.back(flags="A")


@case("state=down moves the flow at once", "tcp")
@case("state=down moves the flow at once, udp", "udp")
def down(lb, proto):
    service = lb.service(f"{BACKENDS[0]}:8304", f"{BACKENDS[1]}:8304", proto=proto)
    flow = Flow(lb, service).establish()
    same(flow.backend[0], BACKENDS[0], "the backend")
    lb.set_backends(service, [f"{BACKENDS[0]}:8304,state=down", f"{BACKENDS[1]}:8304"])
    result = lb.send(flow.sent(payload=b"go on"))
    flow.learn(result)
    same(flow.backend[0], BACKENDS[1], "the backend")
    expect_frame(result, flow.forwarded(payload=b"go on"))
    flow.back(payload=b"went on")


@case("all backends down: dropped as no_backend")
def all_down(lb):
    service = lb.service(f"{BACKENDS[0]},state=down")
    before = lb.stats()["drops"]["no_backend"]
    result = lb.send(Flow(lb, service).first())
    same(result.verdict, "DROP", "the verdict")
    same(lb.stats()["drops"]["no_backend"], before + 1, "no_backend")


@case("backends that stay keep their flows when others come and go")
def stay(lb):
    flow = flow_of(lb, 8305)
    lb.set_backends(flow.service, [f"{BACKENDS[2]}:8305", f"{BACKENDS[0]}:8305,weight=9"])
    flow.go(payload=b"stay")
    flow.back(payload=b"here")


# ---- dnat: two services with one backend ------------------------------------------------

OVER = {
    "rst": lambda flow: flow.go(flags="R"),
    "rst of the backend": lambda flow: flow.back(flags="RA"),
    "fin": lambda flow: flow.go(flags="FA"),
    "fin of both": lambda flow: (flow.back(flags="FA"), flow.go(flags="FA")),
}


def two_services(lb, way, proto):
    """A flow, and one of the same client's that the backend could not tell from it."""
    port = lb.backend_port()
    services = [way.service(lb, proto=proto, port=port, own=True) for _ in range(2)]
    first = way.flow_to(lb, services[0]).establish()
    return first, way.flow_to(lb, services[1], client=first.client)


@each_way("dnat: one client port to one backend for one service at a time", DNATS, both=True)
def one_at_a_time(lb, way, proto):
    first, second = two_services(lb, way, proto)
    expect_dropped(lb, [second.first(), second.first()], "no_port")
    for _ in range(2):
        first.go(payload=b"mine")
        first.back(payload=b"yours")
    same(lb.service_stats(second.service)["new_flows"], 0, "new_flows of the second service")
    other = second.another().establish()
    other.back(payload=b"yours")
    first.back(payload=b"still")


for over_name in OVER:
    @each_way(f"dnat: a client port is free for another service after {over_name}", DNATS,
              over_name, protos=("tcp",))
    def free_again(lb, way, proto, name):
        first, second = two_services(lb, way, proto)
        expect_dropped(lb, [second.first()], "no_port")
        OVER[name](first)
        second.establish()
        second.back(flags="SA")
        second.go(payload=b"there")
        second.back(payload=b"back")


# ---- the way back to the client ---------------------------------------------------

ROUTER = "02:00:00:00:00:05"
NEIGHBOUR = "02:00:00:00:00:44"


def client_at(way, last):
    """An address in the balancer's network."""
    return {4: f"10.71.0.{last}", 6: f"fd71::{last}"}[way.family.version]


@each_way("reply: to the neighbour the kernel knows, whoever brought the packets", TRANSLATORS)
def neighbour(lb, way, proto):
    client = client_at(way, 4)
    run("ip", "neigh", "replace", client, "lladdr", NEIGHBOUR, "dev", "eth0", "nud", "permanent")
    flow = way.open(lb, proto=proto, client=(client, lb.client_port()), mac=ROUTER)
    flow.mac = NEIGHBOUR
    flow.back(payload=b"answer")


@each_way("reply: to whoever brought the packets where the kernel knows no neighbour", TRANSLATORS)
def bringer(lb, way, proto):
    client = client_at(way, 5)
    flow = way.open(lb, proto=proto, client=(client, lb.client_port()), mac=ROUTER)
    flow.back(payload=b"answer")
    again = flow.another()
    again.mac = flow.mac
    again.establish().back(payload=b"answer")


@each_way("reply: from the balancer's own MAC, though the first frame was to another's",
          TRANSLATORS)
def own_mac(lb, way, proto):
    flow = way.flow_to(lb, way.service(lb, proto=proto),
                       client=(client_at(way, 6), lb.client_port()))
    first = flow.first()
    result = lb.send(bytes.fromhex("020000000099") + first[6:])
    if result.verdict in SENT:  # not to balance it at all is right as well
        flow.learn(result)
        flow.back(**({"flags": "SA"} if proto == "tcp" else {}))
