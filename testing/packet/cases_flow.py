# SPDX-License-Identifier: GPL-2.0-only
"""The life of a flow."""
from balancer import BACKENDS, run
from case import case, check, same
from flow import SENT, Flow, expect_frame


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


# ---- the way back to the client ---------------------------------------------------

ROUTER = "02:00:00:00:00:05"
NEIGHBOUR = "02:00:00:00:00:44"


@case("reply: to the neighbour the kernel knows, whoever brought the client's packets", "tcp")
@case("reply: to the neighbour the kernel knows, whoever brought the client's packets, udp", "udp")
def neighbour(lb, proto):
    client = "10.71.0.4"
    run("ip", "neigh", "replace", client, "lladdr", NEIGHBOUR, "dev", "eth0", "nud", "permanent")
    flow = Flow(lb, lb.service(f"{BACKENDS[0]}:8306", proto=proto), (client, 7), ROUTER).establish()
    flow.mac = NEIGHBOUR
    flow.back(payload=b"answer")


@case("reply: to whoever brought the client's packets where the kernel knows no neighbour")
def bringer(lb):
    flow = Flow(lb, lb.service(f"{BACKENDS[0]}:8307"), ("10.71.0.5", 7), ROUTER).establish()
    flow.back(payload=b"answer")


@case("reply: from the balancer's own MAC, though the first frame was to another's")
def own_mac(lb):
    flow = Flow(lb, lb.service(f"{BACKENDS[0]}:8308"), ("10.71.0.6", 7))
    first = flow.first()
    result = lb.send(bytes.fromhex("020000000099") + first[6:])
    if result.verdict in SENT:  # not to balance it at all is right as well
        flow.learn(result)
        flow.back(flags="SA")
