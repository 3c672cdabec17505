#!/usr/bin/env python3
"""queries.py EXPOSITION DASHBOARD ALERTS: whether a dashboard of Grafana and alert rules ask for what there is.

EXPOSITION is what /metrics said. Each name must be a family there, and each label one of its samples'. The
dashboard must be such as Grafana takes. Prints what is wrong, a line each, and exits with 1; else the
dashboard's queries as recording rules, for promtool to judge their syntax.
"""
import json
import re
import sys

NAME = r"(?:xdplb|process)_[a-z0-9_]+"
SELECTOR = re.compile(rf"({NAME})(?:\{{([^}}]*)\}})?")
KINDS = {"row", "stat", "timeseries", "state-timeline"}
# What Prometheus adds when it scrapes.
ALWAYS = {"instance", "job"}


class Exposition:
    def __init__(self, text):
        self.labels = {}
        for family, kind in re.findall(r"^# TYPE (\S+) (\S+)$", text, re.M):
            names = [family + "_sum", family + "_count"] if kind == "summary" else [family]
            self.labels.update((name, None) for name in names)
        for name, labels in re.findall(r"^([a-z0-9_]+)(?:\{(.*)\})? ", text, re.M):
            self.labels[name] = set(re.findall(r'([a-z_]+)="', labels)) | ALWAYS


def query(exposition, where, text):
    """What is wrong with one query."""
    known = set(ALWAYS)
    selectors = SELECTOR.findall(text)
    if not selectors and not re.search(r"\bup\{", text):
        yield f"{where}: it asks for nothing of ours: {text}"
    for name, matchers in selectors:
        if name not in exposition.labels:
            yield f"{where}: there is no {name}"
            continue
        labels = exposition.labels[name]
        if labels is None:  # a family without a sample here
            labels = {"service", "backend"} | ALWAYS
        known |= labels
        for label in re.findall(r'([a-z_]+)\s*[=!]~?\s*"', matchers):
            if label not in labels:
                yield f"{where}: {name} has no label {label}"
    for group in re.findall(r"\b(?:by|without|on|ignoring)\s*\(([^)]*)\)", text):
        for label in filter(None, re.split(r"[\s,]+", group)):
            if label not in known:
                yield f"{where}: by {label}, which is not a label there"


def legend(exposition, where, expression, text):
    labels = set().union(*(exposition.labels.get(name) or {"service", "backend"} | ALWAYS
                           for name, _ in SELECTOR.findall(expression)))
    for label in re.findall(r"\{\{\s*([a-z_]+)\s*\}\}", text):
        if label not in labels:
            yield f"{where}: its legend has {label}"


def place(panel, taken):
    at = panel["gridPos"]
    if at["x"] + at["w"] > 24 or min(at["w"], at["h"]) < 1:
        yield f"panel {panel['title']}: it is beyond the grid"
    for x in range(at["x"], at["x"] + at["w"]):
        for y in range(at["y"], at["y"] + at["h"]):
            if (x, y) in taken:
                yield f"panel {panel['title']}: it lies on {taken[x, y]}"
                return
            taken[x, y] = panel["title"]


def dashboard(exposition, board, rules):
    variables = {variable["name"] for variable in board["templating"]["list"]}
    ids, taken = set(), {}
    if not isinstance(board["schemaVersion"], int) or board["schemaVersion"] < 36 or not board["title"]:
        yield "it has no title, or a schema that is too old"
    for panel in board["panels"]:
        where = f"panel {panel['title']}"
        if panel["id"] in ids or panel["type"] not in KINDS:
            yield f"{where}: its id is another's, or its type {panel['type']} not known"
        ids.add(panel["id"])
        yield from place(panel, taken)
        if panel["type"] == "row":
            continue
        if not panel["targets"] or panel["datasource"]["uid"] != "${datasource}":
            yield f"{where}: it has no query, or a data source of its own"
        for target in panel["targets"]:
            expression = target["expr"]
            rules.append(expression)
            yield from query(exposition, where, expression)
            yield from legend(exposition, where, expression, target["legendFormat"])
            for variable in re.findall(r"\$(?!__)([a-z]+)", expression):
                if variable not in variables:
                    yield f"{where}: there is no variable {variable}"
    for variable in board["templating"]["list"]:
        if variable["type"] == "query":
            yield from query(exposition, f"variable {variable['name']}", variable["definition"])


def expressions(text):
    """Of alert rules: the lines of each `expr`."""
    for name, body in re.findall(r"- alert: (\S+)\n(.*?)(?=\n      - alert:|\Z)", text, re.S):
        yield name, re.search(r"expr:(.*?)\n        (?:for|labels):", body, re.S)[1]


def main():
    exposition, board, alerts = (open(path, encoding="utf-8").read() for path in sys.argv[1:4])
    exposition, rules = Exposition(exposition), []
    wrong = list(dashboard(exposition, json.loads(board), rules))
    found = list(expressions(alerts))
    if len(found) != alerts.count("- alert:") or len(found) < 10 or len(rules) < 20:
        wrong.append("not all queries were found")
    for name, text in found:
        wrong += query(exposition, f"alert {name}", text)
    if wrong:
        print(*wrong, sep="\n")
        sys.exit(1)
    print("groups: [{name: dashboard, rules: [")
    for number, text in enumerate(rules):
        text = text.replace("$__rate_interval", "5m").replace("$instance", ".*").replace("$service", ".*")
        print(f"  {{record: 'query:{number}', expr: {json.dumps(text)}}},")
    print("]}]")


main()
