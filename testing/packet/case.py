# SPDX-License-Identifier: GPL-2.0-only
"""Cases by name, and their running."""
import fnmatch
import time
import traceback

CASES = []


class Failed(Exception):
    """What a case says when it is not as it should be."""


def case(name, *args, program="xdplb"):
    """Registers a function of the balancer, and of args, as the case `name`."""
    def register(function):
        CASES.append((name, program, function, args))
        return function
    return register


def each_way(title, ways, *args, both=False, protos=("tcp", "udp")):
    """A case for each way of forwarding and protocol; with `both`, for each program that can."""
    def register(function):
        for way in ways:
            for proto in protos:
                for program in way.programs() if both else way.programs()[:1]:
                    case(f"{title}: {way}, {proto}, by {program}", way, proto, *args,
                         program=program)(function)
        return function
    return register


def check(good, why, *args):
    if not good:
        raise Failed(why % args if args else why)


def same(got, wanted, what):
    check(got == wanted, "%s is %s, should be %s", what, got, wanted)


def run_one(name, function, args, balancer, verbose):
    began = time.monotonic()
    try:
        function(balancer, *args)
    except Failed as failed:
        print(f"not ok {name}: {failed}", flush=True)
        return False
    except Exception as error:  # the case itself is broken: as bad, and says where
        where = traceback.extract_tb(error.__traceback__)[-1]
        print(f"not ok {name}: {type(error).__name__}: {error} ({where.filename}:{where.lineno})",
              flush=True)
        return False
    took = f"  # {time.monotonic() - began:.2f} s" if verbose else ""
    print(f"ok {name}{took}", flush=True)
    return True


def run_all(balancer, patterns, verbose, part=0, parts=1):
    """
    Runs the cases that a pattern fits, and of all cases one in `parts`: the other parts are other
    processes'. Returns how many ran and how many failed.
    """
    ran = failed = 0
    for number, (name, program, function, args) in enumerate(CASES):
        if number % parts != part:
            continue
        if patterns and not any(fnmatch.fnmatch(name, pattern) for pattern in patterns):
            continue
        ran += 1
        balancer.case_begins(program)
        good = run_one(name, function, args, balancer, verbose)
        balancer.case_ends(good)
        failed += not good
    return ran, failed
