# SPDX-License-Identifier: GPL-2.0-only
"""The balancer under test: its commands, its counters, packets into it."""
import json
import os
import subprocess
from collections import namedtuple

from case import Failed

INTERFACE = "eth0"  # has xdplb_encap
OTHER = "eth1"  # has xdplb, with the same maps
# The programs, and where each is attached. All packets come in by INTERFACE unless said otherwise.
PROGRAMS = {"xdplb": OTHER, "xdplb_encap": INTERFACE}
REPLIES = "xdplb_replies"  # is attached when a case first asks for it
PIPE = 60000  # bytes that a pipe takes while nobody reads
CLIENT_MAC = "02:00:00:00:00:02"
SEED = "00112233445566778899aabbccddeeff"  # so that hashed flows go the same ways in every run
MTU = 9000  # of INTERFACE

# What a case of either family is made of. The service's address is nobody's own: only the
# balancer answers to it. Routes to `narrow` (a backend's) and `narrow_client` allow NARROW
# bytes; `beyond` lies behind OTHER, `tagged` behind what plays a VLAN device (see run).
Family = namedtuple("Family", "version vip own snats client backends narrow narrow_client beyond"
                              " beyond_own tagged router")
V4 = Family(4, "192.0.2.10", "10.71.0.10", ("10.71.0.50", "10.71.0.51"), "10.71.0.2",
            ["10.71.0.11", "10.71.0.12", "10.71.0.13"], "10.71.0.21", "10.71.0.22", "10.74.0.11",
            "10.74.0.10", "10.75.0.11", "10.71.0.99")
V6 = Family(6, "2001:db8::10", "fd71::10", ("fd71::50", "fd71::51"), "fd71::2",
            ["fd71::11", "fd71::12", "fd71::13"], "fd71::21", "fd71::22", "fd74::11", "fd74::10",
            "fd75::11", "fd71::99")
FAMILIES = {4: V4, 6: V6}
NARROW = 1400
VIP, OWN, BACKENDS, CLIENT = V4.vip, V4.own, V4.backends, V4.client

Result = namedtuple("Result", "verdict data")
Service = namedtuple("Service", "address port proto")


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    if done.returncode:
        raise Failed(f"{' '.join(command)}: {done.stderr.strip() or done.returncode}")
    return done.stdout


def endpoint(address, port=None):
    """As the command takes and shows it."""
    text = f"[{address}]" if ":" in address else address
    return text if port is None else f"{text}:{port}"


def name_of(service):
    return f"{endpoint(service.address, service.port)}/{service.proto}"


def link_of(interface):
    return json.loads(run("ip", "-j", "-d", "link", "show", interface))[0]


def own_cpu():
    """Of this part of the cases. nat's ports differ from CPU to CPU, so one has to inject all frames."""
    cpus = sorted(os.sched_getaffinity(0))
    return cpus[int(os.environ.get("XDPLB_PART", "0").split("/")[0]) % len(cpus)]


CPU = own_cpu()


class Balancer:
    def __init__(self, inject):
        self.inject = inject
        self.links = {name: link_of(name) for name in (INTERFACE, OTHER, "eth2", "lo")}
        self.mac = self.links[INTERFACE]["address"]
        self.programs = {name: self.start(self.links[interface]["xdp"]["prog"]["id"])
                         for name, interface in PROGRAMS.items()}
        self.program = "xdplb"  # which gets the packets
        self.own_services = False  # this case made some
        self.next_port = 2000
        self.next_client = 20000
        self.next_far = 0
        self.next_backend = 10000
        self.next_ident = 0
        self.kept = {}  # services that cases share, by what they were asked for
        run("xdplb-config", "set", f"icmp-rate={10**6}")
        self.seed()
        # Once, so that every backend's neighbour is resolved before a packet is sent.
        self.set_backends(Service(VIP, 1999, "tcp"), [f"{addr}:80" for addr in BACKENDS])
        self.macs = {entry["dst"]: entry["lladdr"]
                     for entry in json.loads(run("ip", "-j", "neigh")) if "lladdr" in entry}
        for address in BACKENDS:  # now that they are known, nobody need ask again
            run("ip", "neigh", "replace", address, "lladdr", self.macs[address], "dev", INTERFACE,
                "nud", "permanent")
        self.flush()

    def start(self, program, cpu=CPU):
        """What runs packets through the program with this id, always on one CPU."""
        process = subprocess.Popen(
            [self.inject, str(program), str(self.links[INTERFACE]["ifindex"])],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        os.sched_setaffinity(process.pid, {cpu})
        return process

    def start_replies(self):
        run("xdplb-config", "attach-replies", INTERFACE)
        filters = json.loads(run("tc", "-j", "filter", "show", "dev", INTERFACE, "egress"))
        return self.start(next(one["options"]["prog"]["id"] for one in filters
                               if "options" in one))

    def start_elsewhere(self):
        """The program of this case on another CPU; None: there is none."""
        others = sorted(os.sched_getaffinity(0) - {CPU})
        link = self.links[PROGRAMS[self.program]]
        return self.start(link["xdp"]["prog"]["id"], others[0]) if others else None

    def seed(self):
        run("xdplb-config", "set", f"seed={SEED}")

    def set_backends(self, service, backends, *options):
        run("xdplb-config", "set-backends", name_of(service), *options, *backends)

    def service(self, *backends, proto="tcp", address=VIP, options=()):
        """A service on a port that no other case has; so are the backends' ports left out."""
        self.own_services = True
        return self.make(*backends, proto=proto, address=address, options=options)

    def make(self, *backends, proto, address, options=()):
        self.next_port += 1
        service = Service(address, self.next_port, proto)
        self.set_backends(service, backends, *options)
        return service

    def shared_service(self, wanted, make):
        """One that other cases may have as well, and leave as it is: commands take time."""
        if wanted not in self.kept:
            self.kept[wanted] = make()
        return self.kept[wanted]

    def backend_port(self):
        """A port that no other case's backends have."""
        self.next_backend += 1
        return self.next_backend

    def client_port(self):
        """A port that no other case's clients have."""
        self.next_client += 1
        return self.next_client

    def client(self, family):
        """An address and port that no other client has, of a network far away."""
        self.next_far += 1
        high, low = divmod(self.next_far * 40503 & 0xffff, 256)  # neighbours are far apart too
        address = f"198.18.{high}.{low}" if family.version == 4 else f"2001:db8:2::{high + 1:x}:{low + 1:x}"
        return address, 1024 + self.next_far * 7 % 60000

    def ident(self):
        """An identification of a fragmented packet that no other has."""
        self.next_ident += 1
        return self.next_ident

    def case_begins(self, program):
        self.program = program
        self.own_services = False

    def case_ends(self, good):
        if self.own_services or not good:
            self.flush()

    def flush(self):
        self.kept = {}
        run("xdplb-config", "flush")

    def stats(self):
        return json.loads(run("xdplb-config", "-j", "stats"))

    def service_stats(self, service):
        return next(one for one in self.stats()["services"] if one["service"] == name_of(service))

    def send_all(self, frames, linear=None, interface=None):
        """
        Injects frames in order, as if they had come in by that interface; a frame's first
        `linear` bytes only are linear.
        """
        behind = f" {self.links[interface]['ifindex']}" if interface else ""
        results, lines, size = [], [], 0
        for frame in frames:
            line = f"{frame.hex()} {min(linear or 0, len(frame))}{behind}\n"
            if size + len(line) > PIPE:
                results += self.exchange(lines)
                lines, size = [], 0
            lines.append(line)
            size += len(line)
        return results + self.exchange(lines)

    def leave_all(self, frames):
        """What becomes of frames that this machine's own stack sends."""
        if REPLIES not in self.programs:
            self.programs[REPLIES] = self.start_replies()
        program, self.program = self.program, REPLIES
        try:
            results = self.send_all(frames)
        finally:
            self.program = program
        if {result.verdict for result in results} - {"UNSPEC"}:
            raise Failed("the program for replies has the last word on a frame")
        return [result.data for result in results]

    def exchange(self, lines, process=None):
        """As many lines as fit a pipe, and the answers to them."""
        process = process or self.programs[self.program]
        process.stdin.write("".join(lines))
        process.stdin.flush()
        answers = [process.stdout.readline().split() for _ in lines]
        if [] in answers:
            raise Failed("inject ended")
        return [Result(verdict, bytes.fromhex(data)) for verdict, data in answers]

    def send(self, frame, linear=None, interface=None):
        return self.send_all([frame], linear, interface)[0]


def counted(before, after, group):
    """Which counters of a group of `stats` grew, and by how much."""
    return {name: after[group][name] - before[group][name] for name in after[group]
            if after[group][name] != before[group][name]}
