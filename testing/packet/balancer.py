# SPDX-License-Identifier: GPL-2.0-only
"""The balancer under test: its commands, its counters, packets into it."""
import json
import subprocess
from collections import namedtuple

from case import Failed

INTERFACE = "eth0"
PIPE = 60000  # bytes that a pipe takes while nobody reads
VIP = "192.0.2.10"  # nobody's own address: only the balancer answers to it
OWN = "10.71.0.10"
BACKENDS = ["10.71.0.11", "10.71.0.12", "10.71.0.13"]
CLIENT = "10.71.0.2"
CLIENT_MAC = "02:00:00:00:00:02"

Result = namedtuple("Result", "verdict data")
Service = namedtuple("Service", "address port proto")


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    if done.returncode:
        raise Failed(f"{' '.join(command)}: {done.stderr.strip() or done.returncode}")
    return done.stdout


class Balancer:
    def __init__(self, inject):
        link = json.loads(run("ip", "-j", "-d", "link", "show", INTERFACE))[0]
        self.mac = link["address"]
        self.inject = subprocess.Popen(
            [inject, str(link["xdp"]["prog"]["id"]), str(link["ifindex"])],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.next_port = 2000
        # Once, so that every backend's neighbour is resolved before a packet is sent.
        self.set_backends(Service(VIP, 1999, "tcp"), [f"{addr}:80" for addr in BACKENDS])
        self.macs = {entry["dst"]: entry["lladdr"]
                     for entry in json.loads(run("ip", "-j", "neigh")) if "lladdr" in entry}

    def set_backends(self, service, backends, *options):
        run("xdplb-config", "set-backends",
            f"{service.address}:{service.port}/{service.proto}", *options, *backends)

    def service(self, *backends, proto="tcp", address=VIP, options=()):
        """A service on a port that no other case has; so are the backends' ports left out."""
        self.next_port += 1
        service = Service(address, self.next_port, proto)
        self.set_backends(service, backends, *options)
        return service

    def flush(self):
        run("xdplb-config", "flush")

    def stats(self):
        return json.loads(run("xdplb-config", "-j", "stats"))

    def service_stats(self, service):
        name = f"{service.address}:{service.port}/{service.proto}"
        return next(one for one in self.stats()["services"] if one["service"] == name)

    def send_all(self, frames, linear=None):
        """Injects frames in order; a frame's first `linear` bytes only are linear."""
        behind = f" {linear}\n" if linear else "\n"
        results, lines, size = [], [], 0
        for frame in frames:
            line = frame.hex() + behind
            if size + len(line) > PIPE:
                results += self.exchange(lines)
                lines, size = [], 0
            lines.append(line)
            size += len(line)
        return results + self.exchange(lines)

    def exchange(self, lines):
        """As many lines as fit a pipe, and the answers to them."""
        self.inject.stdin.write("".join(lines))
        self.inject.stdin.flush()
        answers = [self.inject.stdout.readline().split() for _ in lines]
        if [] in answers:
            raise Failed("inject ended")
        return [Result(verdict, bytes.fromhex(data)) for verdict, data in answers]

    def send(self, frame, linear=None):
        return self.send_all([frame], linear)[0]


def counted(before, after, group):
    """Which counters of a group of `stats` grew, and by how much."""
    return {name: after[group][name] - before[group][name] for name in after[group]
            if after[group][name] != before[group][name]}
