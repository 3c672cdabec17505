# SPDX-License-Identifier: GPL-2.0-only
"""What `monitor` is told of packets: which event, and that it is one."""
import json
import select
import subprocess
import time

from balancer import BACKENDS, CLIENT, V4, V6, VIP, endpoint, name_of
from case import Failed, case, each_way, same
from flow import TUNNELS, WAYS, DsrFlow, Flow, IpipFlow, Way
from wire import fragments, frame

PATIENCE = 60  # seconds


class Watch:
    """A monitor, of which one packet that is dropped, and known by its port, marks the end."""

    def __init__(self, lb):
        self.lb, self.marks, self.left = lb, 0, b""
        self.marker = lb.service(f"{BACKENDS[0]}:80", proto="udp")
        self.process = subprocess.Popen(["xdplb-config", "-j", "monitor"],
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def __enter__(self):
        end = time.monotonic() + PATIENCE
        while not self.shows_any():
            if time.monotonic() > end:
                self.process.kill()
                raise Failed("the monitor shows nothing")
        return self

    def shows_any(self):
        """A mark, also one that was sent before."""
        self.mark()
        return bool(self.left or select.select([self.process.stdout], [], [], 0.05)[0])

    def __exit__(self, *_):
        self.process.terminate()
        said = self.process.communicate(timeout=PATIENCE)[1]
        if self.process.returncode or said:
            raise Failed(f"the monitor ended with {self.process.returncode}: {said}")

    def mark(self):
        """Nobody can answer to this source; its port says which mark it is."""
        self.marks += 1
        self.lb.send(frame(("02:00:00:00:00:02", self.lb.mac), ("127.0.0.1", self.marks),
                           (self.marker.address, self.marker.port), "udp"))
        return self.marks

    def read(self, seconds, mark):
        """The events up to that mark, None when it does not come."""
        events = []
        while True:
            while b"\n" not in self.left:
                if not select.select([self.process.stdout], [], [], seconds)[0]:
                    return None
                self.left += self.process.stdout.read1()
                if not self.left:
                    raise Failed(f"the monitor ended: {self.process.stderr.read()}")
            line, self.left = self.left.split(b"\n", 1)
            event = json.loads(line)
            if event["client"] != "127.0.0.1":
                events.append(event)
            elif event["client_port"] == mark:
                return events or [{}]

    def told(self):
        """A word for each event since the last time: what, and whither or why."""
        events = self.read(PATIENCE, self.mark())
        if events is None:
            raise Failed("the monitor shows nothing any more")
        return [f"{one['event']} {one['client']} {one['client_port']} {one['service']} "
                f"{one.get('backend') or one.get('reason')}" for one in events if one]


def line(kind, client, service, rest):
    return f"{kind} {client[0]} {client[1]} {name_of(service)} {rest}"


def opens(flow):
    return line("flow", flow.client, flow.service, endpoint(*flow.backend))


@each_way("watched: a new flow, and nothing more", WAYS, both=True)
def one_flow(lb, way, proto):
    service = way.service(lb, proto=proto, port=8080, own=True)
    with Watch(lb) as watch:
        flow = way.flow_to(lb, service).open()
        flow.go(payload=b"more")
        flow.back(payload=b"and back")
        same(watch.told(), [opens(flow)], "what was told")
        flow.go(payload=b"more")
        same(watch.told(), [], "what was told later")


@each_way("watched: a flow that nothing remembers, each SYN",
          [Way(flow, family, family) for flow in (DsrFlow, IpipFlow) for family in (V4, V6)])
def untracked(lb, way, proto):
    service = way.service(lb, proto=proto, options=("--scheduler", "maglev"), own=True)
    with Watch(lb) as watch:
        flow = way.flow_to(lb, service).open()
        flow.go()
        flow.open()
        wanted = [opens(flow)] * 2 if proto == "tcp" else []
        same(watch.told(), wanted, "what was told")


@case("watched: a flow that moves, one adopted")
def moves(lb):
    service = lb.service(f"{BACKENDS[0]}:80", f"{BACKENDS[1]}:80")
    dsr = lb.service(BACKENDS[0], options=("--scheduler", "maglev", "--forward", "dsr"))
    adopted = DsrFlow(lb, dsr).open()
    with Watch(lb) as watch:
        flow = Flow(lb, service).establish()
        same(watch.told(), [opens(flow)], "what was told of a flow")
        lb.set_backends(service, [f"{BACKENDS[0]}:80,state=down", f"{BACKENDS[1]}:80"])
        flow.learn(lb.send(flow.sent()))
        same(watch.told(), [opens(flow)], "what was told of one that moved")
        lb.set_backends(dsr, [f"{BACKENDS[1]}", f"{BACKENDS[0]},weight=1,state=drain"])
        adopted.go()
        same(watch.told(), [opens(adopted)], "what was told of one adopted")
        adopted.go()
        same(watch.told(), [], "what was told of its next packet")


def dropped(flow, reason):
    return line("drop", flow.client, flow.service, reason)


@case("watched: packets that are dropped, IPv4", V4)
@case("watched: packets that are dropped, IPv6", V6)
def drops(lb, family):
    way = Way(Flow, family, family)
    service = way.service(lb, own=True)
    flow = way.flow_to(lb, service).establish()
    none = lb.service(f"{endpoint(family.backends[0], 81)},state=down", address=family.vip)
    new = way.flow_to(lb, none)
    with Watch(lb) as watch:
        lb.send_all([new.first(), flow.another().first(ip={"ttl": 1}), flow.sent(ip={"ttl": 1}),
                     flow.sent(dataofs=4)])
        told = watch.told()
        same(told[:1], [dropped(new, "no_backend")], "what was told of no backend")
        same([one.split()[-1] for one in told], ["no_backend", "ttl", "ttl", "bad_header"],
             "the reasons")
        pieces = fragments(flow.sent(payload=bytes(64), extensions=("fragment",)), 32)
        lb.send(pieces[1])
        told = watch.told()
        same([one.split()[0] + " " + one.split()[2] + " " + one.split()[-1] for one in told],
             ["drop None fragment"], "what was told of a fragment")


@case("watched: packets that are not told of")
def silent(lb):
    service = lb.service(f"{BACKENDS[0]}:80")
    flow = Flow(lb, service).establish()
    with Watch(lb) as watch:
        lb.send(Flow(lb, service, client=(CLIENT, 999)).sent(flags="A"))  # no flow: passed
        lb.send(frame((flow.mac, lb.mac), (CLIENT, 999), (VIP, 9), "udp"))  # nobody's
        forwarded, sent = flow.forwarded(payload=b"x"), flow.sent(payload=b"x")
        lb.send(flow.error_in(forwarded, 28))
        lb.send(flow.error_up(flow.returned(payload=b"x"), 28))
        same(watch.told(), [], "what was told")


@each_way("watched: a packet that needs the other program", TUNNELS[:2], protos=("tcp",))
def no_encap(lb, way, proto):
    service = way.service(lb, proto=proto, own=True)
    with Watch(lb) as watch:
        lb.program = "xdplb"
        flow = way.flow_to(lb, service)
        lb.send(flow.first())
        flow.backend = (way.via.backends[0], service.port)
        same(watch.told(), [opens(flow), dropped(flow, "no_encap")], "what was told")
