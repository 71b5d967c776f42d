"""Random small graphs out of everything a document can say, as far as the compiler accepts them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from treadle_server.definitions.compiled import compile_document
from treadle_server.definitions.errors import DefinitionInvalid

ACTIVITY_TYPES = ("work", "more_work", "undo")
_TRIES = 50


EVENT_NAME = "ping"
PEERS = 30
"""Runs have the workflow ids `peer-0` to `peer-29`; nodes send events to them."""


def graph(source: random.Random, name: str, children: Sequence[str] = ()) -> dict[str, Any]:
    """A document that is accepted; it may start runs of `children`."""
    for _ in range(_TRIES):
        document = _Draft(source, children).document(name)
        try:
            compile_document(document)
        except DefinitionInvalid:
            continue
        return document
    raise AssertionError("no draft was accepted")


class _Draft:
    def __init__(self, source: random.Random, children: Sequence[str]) -> None:
        self._random = source
        self._children = children

    def document(self, name: str) -> dict[str, Any]:
        names = "abcdefg"[: self._random.randint(2, 7)]
        nodes = {name: self._node(names[:place]) for place, name in enumerate(names)}
        edges = [edge for place in range(1, len(names)) for edge in self._edges(names, place)]
        if self._now_and_then(0.3):
            # A loop: a few times round, then on.
            first, last = sorted(self._random.sample(range(len(names)), 2))
            edges.append({"from": names[first], "to": names[last]})
            edges.append(
                {
                    "from": names[last],
                    "to": names[first],
                    "when": "output.again",
                    "max_iterations": self._random.randint(2, 4),
                    **({"delay": "3s"} if self._now_and_then(0.3) else {}),
                }
            )
        document: dict[str, Any] = {"treadle": "v1", "kind": "graph", "name": name}
        if self._now_and_then(0.2):
            document["run_timeout"] = "120s"
        return document | {"nodes": nodes, "edges": edges}

    def _now_and_then(self, share: float) -> bool:
        return self._random.random() < share

    def _edges(self, names: str, place: int) -> list[dict[str, Any]]:
        sources = self._random.sample(names[:place], min(place, self._random.choice((0, 1, 1, 2))))
        return [self._edge(source, names[place]) for source in sources]

    def _edge(self, source: str, target: str) -> dict[str, Any]:
        edge: dict[str, Any] = {"from": source, "to": target}
        kind = self._random.random()
        if kind < 0.15:
            edge["on"] = "error"
        elif kind < 0.4:
            edge["when"] = self._random.choice(("true", "false", "output.again", "output.n > 2"))
        elif kind < 0.45:
            edge["else"] = True
        if "on" not in edge and self._now_and_then(0.3):
            edge["map"] = self._random.choice(("output", '{"from": output}', "7"))
        return edge

    def _node(self, earlier: str) -> dict[str, Any]:
        node: dict[str, Any] = {}
        kind = self._random.random()
        if kind < 0.1:
            node["timer"] = f"{self._random.randint(1, 90)}s"
        elif kind < 0.2:
            node["compute"] = '{"n": 3, "again": false}'
        elif kind < 0.27:
            node["wait"] = {"event": EVENT_NAME, "timeout": f"{self._random.randint(5, 60)}s"}
        elif kind < 0.34:
            peer = f"peer-{self._random.randrange(PEERS)}"
            to: dict[str, Any] = {"to": f'"{peer}"'}
            node["send"] = {"event": EVENT_NAME} | (
                {"to_all": True} if self._now_and_then(0.3) else to
            )
        elif kind < 0.41 and self._children:
            node["workflow"] = {
                "name": self._random.choice(self._children),
                "wait": self._now_and_then(0.7),
                "on_parent_end": self._random.choice(("terminate", "cancel", "abandon")),
            }
        else:
            node = self._activity()
        if earlier and self._now_and_then(0.2):
            node["join"] = self._random.choice(("any", "all", "race"))
        if self._now_and_then(0.1):
            node["run_if"] = self._random.choice(("true", "false"))
            node["default_output"] = {"n": 0, "again": False}
        return node

    def _activity(self) -> dict[str, Any]:
        draw = self._random
        node: dict[str, Any] = {"activity": draw.choice(ACTIVITY_TYPES[:2])}
        if self._now_and_then(0.5):
            node["retry"] = {"max_attempts": draw.randint(1, 4), "initial": "1s"}
        if self._now_and_then(0.4):
            node["start_to_close"] = draw.choice(("4s", "20s"))
        if self._now_and_then(0.15):
            node["schedule_to_start"] = "30s"
        if self._now_and_then(0.15):
            node["heartbeat"] = "5s"
        if self._now_and_then(0.1):
            node["delay"] = "2s"
        if self._now_and_then(0.2):
            node["priority"] = draw.randint(1, 5)
        if self._now_and_then(0.2):
            node["on_failure"] = draw.choice(("continue", "hold", "retry"))
            if node["on_failure"] == "continue":
                node["default_output"] = {"n": 1, "again": False}
        if self._now_and_then(0.2):
            node["compensate"] = "undo"
        if self._now_and_then(0.15):
            node["map"] = {"over": "[1, 2, 3, 4]", "parallel": draw.randint(1, 4)}
            if self._now_and_then(0.5):
                node["map"]["tolerate"] = 1
        return node
