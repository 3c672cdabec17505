#!/usr/bin/env python3
"""exposition.py FILE: strictly, Prometheus's text format (version 0.0.4) and its naming conventions.

Prints what is wrong, a line each, and then exits with 1; else the samples, "NAME{LABELS} VALUE", labels sorted.
"""
import re
import sys

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"'
SAMPLE = re.compile(rf"({NAME})(?:\{{({LABEL}(?:,{LABEL})*)\}})? ([0-9]+(?:\.[0-9]+)?)")
HEAD = re.compile(rf"# (HELP|TYPE) ({NAME}) (\S.*)")
UNITS = re.compile(r"_(bits|kilobytes|milliseconds|minutes)(_|$)")


class Checker:
    def __init__(self):
        self.wrong = []
        self.help = {}
        self.type = {}
        self.samples = {}
        self.last = None  # the family whose lines these are
        self.over = set()

    def bad(self, number, what):
        self.wrong.append(f"line {number}: {what}")

    def family(self, number, name):
        """Lines of a family stand together."""
        if name == self.last:
            return
        if name in self.over:
            self.bad(number, f"{name} is in two pieces")
        self.over.add(self.last)
        self.last = name

    def head(self, number, kind, name, text):
        self.family(number, name)
        known = self.help if kind == "HELP" else self.type
        if name in known:
            self.bad(number, f"a second {kind} of {name}")
        if any(sample.startswith(name + "{") or sample == name for sample in self.samples):
            self.bad(number, f"{kind} of {name} after its samples")
        if kind == "TYPE" and text not in ("counter", "gauge", "summary"):
            self.bad(number, f"type {text}")
        known[name] = text

    def family_of(self, name):
        """A summary's samples, without quantiles, have a suffix."""
        family = re.sub("_(sum|count)$", "", name)
        return family if self.type.get(family) == "summary" and family != name else name

    def sample(self, number, match):
        name, labels, value = match[1], match[2], match[match.lastindex]
        family = self.family_of(name)
        self.family(number, family)
        pairs = re.findall(LABEL, labels or "")
        if len({key for key, _ in pairs}) != len(pairs):
            self.bad(number, "a label twice")
        if family not in self.help or family not in self.type:
            self.bad(number, f"{name} has no HELP or TYPE before it")
        elif (self.type[family] == "counter") != name.endswith("_total"):
            self.bad(number, f"{name} is a {self.type[family]}")
        elif self.type[family] == "summary" and family == name:
            self.bad(number, f"{name} is a summary, which ends in _sum and _count here")
        if UNITS.search(name):
            self.bad(number, f"{name}: not a base unit")
        text = ",".join(f'{key}="{label}"' for key, label in sorted(pairs))
        text = f"{name}{{{text}}}" if pairs else name
        if text in self.samples:
            self.bad(number, f"{text} twice")
        self.samples[text] = value

    def line(self, number, line):
        head, sample = HEAD.fullmatch(line), SAMPLE.fullmatch(line)
        if head:
            self.head(number, head[1], head[2], head[3])
        elif sample:
            self.sample(number, sample)
        else:
            self.bad(number, f"neither HELP, TYPE nor a sample: {line}")


def main():
    with open(sys.argv[1], encoding="utf-8", newline="") as file:
        text = file.read()
    checker = Checker()
    if not text.endswith("\n"):
        checker.bad("last", "no end of line")
    for number, line in enumerate(text.removesuffix("\n").split("\n"), 1):
        checker.line(number, line)
    print(*(checker.wrong or (f"{name} {value}" for name, value in checker.samples.items())), sep="\n")
    sys.exit(bool(checker.wrong))


main()
