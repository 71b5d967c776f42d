"""Statecharts once more, small and slow: what a machine must do with events, by sets of names.

It knows documents of `charts.py` only: states, compound and parallel ones, histories, ways by
event, by a raised event and by themselves, guards on a counter and on what is active, and the notes
that each entry, exit and action makes. Written without a look at the server's own algorithm: what
is entered is not walked into but completed, until nothing is missing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

Document = dict[str, Any]
Config = set[str]


@dataclass
class Node:
    """One state."""

    name: str
    body: Document
    parent: str
    place: int
    children: list[str] = field(default_factory=list)

    @property
    def kind(self) -> str:
        if "history" in self.body:
            return "history"
        if self.body.get("parallel"):
            return "parallel"
        return "compound" if self.children else "atomic"


@dataclass
class Way:
    source: str
    target: str | None
    event: str
    """Empty: it needs none."""
    guard: Document
    note: str
    internal: bool
    counts: bool
    raises: str


class Oracle:
    """A machine that runs."""

    def __init__(self, document: Document, ways: Iterable[Way]) -> None:
        self.nodes: dict[str, Node] = {"": Node("", document, "", -1)}
        self._read(document, "")
        self.ways = list(ways)
        self.count = 0
        self.notes: list[str] = []
        self.raised: list[str] = []
        self.history: dict[str, Config] = {}
        self.active: Config = set()
        self._enter(self._complete(self._initial("")))
        self._settle()

    def _read(self, body: Document, parent: str) -> None:
        for name, inner in body.get("states", {}).items():
            self.nodes[name] = Node(name, inner, parent, len(self.nodes))
            self.nodes[parent].children.append(name)
            self._read(inner, name)

    # --- where things are -------------------------------------------------------------------------

    def above(self, name: str) -> list[str]:
        """What it is in, innermost first."""
        found = []
        while name:
            name = self.nodes[name].parent
            found.append(name)
        return found

    def in_order(self, names: Iterable[str]) -> list[str]:
        return sorted(names, key=lambda name: self.nodes[name].place)

    # --- events -----------------------------------------------------------------------------------

    def send(self, event: str) -> bool:
        """Whether the event leads anywhere."""
        chosen = self._choose(event)
        if not chosen:
            return False
        self._take(chosen)
        self._settle()
        return True

    def _settle(self) -> None:
        while True:
            chosen = self._choose("")
            if not chosen and self.raised:
                chosen = self._choose(self.raised.pop(0))
                if not chosen:
                    continue
            if not chosen:
                return
            self._take(chosen)

    def _holds(self, guard: Document) -> bool:
        if "below" in guard:
            return self.count < int(guard["below"])
        if "in" in guard:
            return guard["in"] in self.active
        return True

    def _choose(self, event: str) -> list[Way]:
        chosen: list[Way] = []
        for leaf in self.in_order(n for n in self.active if self.nodes[n].kind == "atomic"):
            for source in [leaf, *self.above(leaf)]:
                found = [
                    way
                    for way in self.ways
                    if way.source == source and way.event == event and self._holds(way.guard)
                ]
                if found:
                    if found[0] not in chosen:
                        chosen.append(found[0])
                    break
        kept: list[Way] = []
        for way in chosen:
            against = [one for one in kept if self._leaves(one) & self._leaves(way)]
            if all(one.source in self.above(way.source) for one in against):
                kept = [one for one in kept if one not in against] + [way]
        return kept

    # --- moving -----------------------------------------------------------------------------------

    def _stands_for(self, target: str) -> Config:
        """A target; in a history's place what it remembers."""
        node = self.nodes[target]
        if node.kind != "history":
            return {target}
        if target in self.history:
            return self.history[target]
        return self._stands_for(node.body["target"])

    def _domain(self, way: Way) -> str:
        assert way.target is not None
        targets = self._stands_for(way.target)

        def around_all(name: str) -> bool:
            return all(name in self.above(target) for target in targets)

        inner_kind = self.nodes[way.source].kind
        if way.internal and inner_kind == "compound" and around_all(way.source):
            return way.source
        return next(
            name
            for name in self.above(way.source)
            if (not name or self.nodes[name].kind == "compound") and around_all(name)
        )

    def _leaves(self, way: Way) -> Config:
        if way.target is None:
            return set()
        domain = self._domain(way)
        return {name for name in self.active if domain in self.above(name)}

    def _take(self, ways: list[Way]) -> None:
        left: Config = set().union(*(self._leaves(way) for way in ways))
        wanted: Config = set()
        domains = {way.note: self._domain(way) for way in ways if way.target is not None}
        for name in left:
            for child in self.nodes[name].children:
                if self.nodes[child].kind == "history":
                    self.history[child] = self._remembered(child)
        for way in ways:
            if way.target is not None:
                for target in self._stands_for(way.target):
                    wanted |= {target}
                    around = self.above(target)
                    wanted |= set(around[: around.index(domains[way.note])])
        entered = self._complete(wanted, self.active - left)
        self.notes += [f"exit {name}" for name in reversed(self.in_order(left))]
        for way in ways:
            self.notes.append(way.note)
            self.count += way.counts
            if way.raises:
                self.raised.append(way.raises)
        self.active -= left
        self._enter(entered)

    def _remembered(self, history: str) -> Config:
        node = self.nodes[history]
        if node.body["history"] == "deep":
            return {
                name
                for name in self.active
                if node.parent in self.above(name) and self.nodes[name].kind == "atomic"
            }
        return {name for name in self.active if self.nodes[name].parent == node.parent}

    def _initial(self, name: str) -> Config:
        body = self.nodes[name].body
        first = body.get("initial") or self.nodes[name].children[0]
        found = self._stands_for(first)
        around = set()
        for target in found:
            above = self.above(target)
            around |= set(above[: above.index(name)])
        return found | around

    def _complete(self, wanted: Config, kept: Config | None = None) -> Config:
        """What must be entered with these, so that nothing is missing."""
        entered = set(wanted)
        kept = kept or set()
        missing = self._missing(entered | kept)
        while missing:
            entered |= missing
            missing = self._missing(entered | kept)
        return entered

    def _missing(self, config: Config) -> Config:
        for name in self.in_order(config):
            node = self.nodes[name]
            inside = [one for one in node.children if self.nodes[one].kind != "history"]
            if node.kind == "parallel" and not set(inside) <= config:
                return set(inside) - config
            if node.kind == "compound" and not set(inside) & config:
                return self._initial(name)
        return set()

    def _enter(self, names: Config) -> None:
        self.active |= names
        self.notes += [f"enter {name}" for name in self.in_order(names)]
