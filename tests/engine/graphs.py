"""Small random graphs: every kind of edge, node and option, values that are easy to follow.

Nodes are named by letters and edges lead from earlier to later letters. Guards are constants, or
read what a node may or may not bring, or fail whatever it brings.
"""

from __future__ import annotations

import random
from typing import Any

from hypothesis import strategies as st

from tests.engine.run_driver import document
from tests.simulation.graphs import graph as whole_graph
from treadle_server.definitions.compiled import compile_document
from treadle_server.definitions.errors import DefinitionInvalid

LETTERS = "abcdefg"
KINDS = ["Broken", "Declined", "Busy"]
OUTPUTS = ['{"x": 1}', "1", '{"x": 2, "y": 3}', "null", "[]", "true", '{"n": 3, "again": true}']

GUARDS = ["true", "false", "true", "false", "output == 1", "output.x == 1"]
ERROR_GUARDS = ["true", "false", 'error.kind == "Busy"', "error.details.x == 1"]
MAPS = ['{"x": output}', "output", '{"y": 1}', "7", "output.x"]
ERROR_MAPS = ['{"x": error.kind}', '{"z": 1}', "error.details.x"]


@st.composite
def edges(draw: st.DrawFn, source: str, target: str) -> dict[str, Any]:
    edge: dict[str, Any] = {"from": source, "to": target}
    on_error = draw(st.integers(0, 3)) == 3
    if on_error:
        edge["on"] = "error"
        if draw(st.integers(0, 3)) == 3:
            edge["kinds"] = draw(st.lists(st.sampled_from(KINDS), min_size=1, max_size=2))
    guard = draw(st.integers(0, 5))
    if guard in (3, 4):
        edge["when"] = draw(st.sampled_from(ERROR_GUARDS if on_error else GUARDS))
    elif guard == 5 and "kinds" not in edge:
        edge["else"] = True
    if draw(st.integers(0, 2)) == 2:
        edge["map"] = draw(st.sampled_from(ERROR_MAPS if on_error else MAPS))
    return edge


@st.composite
def nodes(draw: st.DrawFn, *, may_fail: bool) -> dict[str, Any]:
    if may_fail and draw(st.integers(0, 9)) == 9:
        kind = draw(st.sampled_from([{}, {"kind": "Planned"}, {"message": "params.missing"}]))
        return {"fail": kind}
    node: dict[str, Any] = {}
    if draw(st.integers(0, 4)) == 4:
        conditions = ["true", "false", "params.go", "false", "params.go", "params.missing"]
        node["run_if"] = draw(st.sampled_from(conditions))
        node["default_output"] = {"x": 0}
    if draw(st.integers(0, 2)) == 2:
        node["on_failure"] = "continue"
        node["default_output"] = {"x": 9}
    return node


@st.composite
def retries(draw: st.DrawFn) -> dict[str, Any]:
    """Options that need a clock."""
    options: dict[str, Any] = {}
    if draw(st.booleans()):
        options["retry"] = {
            "max_attempts": draw(st.integers(0, 3)),
            "initial": draw(st.sampled_from(["1s", "10s"])),
            "backoff": draw(st.sampled_from(["fixed", "linear", "exponential"])),
            "not_on": draw(st.lists(st.sampled_from(KINDS), max_size=1)),
        }
    for name, values in (
        ("start_to_close", ["3s", "20s"]),
        ("schedule_to_start", ["2s", "30s"]),
        ("schedule_to_close", ["5s", "60s"]),
        ("heartbeat", ["2s"]),
    ):
        if draw(st.integers(0, 3)) == 3:
            options[name] = draw(st.sampled_from(values))
    return options


def whole_graphs() -> st.SearchStrategy[dict[str, Any]]:
    """Documents with everything: loops, joins of every kind, maps, timers, waits, undoing."""
    return st.integers(0, 2**32).map(lambda seed: whole_graph(random.Random(seed), "whole"))


@st.composite
def graphs(draw: st.DrawFn, *, clocks: bool) -> dict[str, Any]:
    """A graph document that is accepted."""
    names = LETTERS[: draw(st.integers(2, len(LETTERS)))]
    links: list[dict[str, Any]] = []
    for place, target in enumerate(names):
        sources = draw(st.lists(st.sampled_from(names[:place]), max_size=3)) if place else []
        links += [draw(edges(source, target)) for source in sources]
    targets = {link["to"] for link in links}
    bodies = {name: draw(nodes(may_fail=name in targets)) for name in names}
    if clocks:
        for body in bodies.values():
            if "fail" not in body:
                body |= draw(retries())
    links = [link for link in links if "fail" not in bodies[link["from"]]]
    for link in links:
        if "fail" in bodies[link["to"]]:
            link.pop("map", None)
    graph = document(nodes=bodies, edges=links)
    try:
        compile_document(graph)
    except DefinitionInvalid:
        # A join that can never work. With guards, nobody knows that before the run.
        for link in links:
            if not {"on", "when", "else"} & link.keys():
                link["when"] = "true"
    return graph
