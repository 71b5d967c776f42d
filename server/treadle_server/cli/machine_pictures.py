"""Pictures of state machines, as a Mermaid state diagram or as DOT: of a definition, or of a run
with the states that it is in.

Both languages draw one `Chart`, which is read from the document as it was written: the short forms
(a target alone, one action in place of a list) are the server's normal form, too.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from treadle_server.cli.mermaid_text import mermaid_text

_TEXT_WIDTH = 80

_COLOURS = {
    "RUNNING": "#cfe8ff",
    "COMPLETED": "#d3f2d3",
    "FAILED": "#ffd0cc",
    "CANCELLED": "#ffe7b8",
    "TIMED_OUT": "#ffd0cc",
    "TERMINATED": "#ffe7b8",
}
"""By the state of the run: for the machine's states that it is in, or ended in."""


@dataclass(slots=True, eq=False)
class State:
    """A state as it is drawn; the outermost one is the machine itself."""

    name: str
    number: int
    body: Mapping[str, Any]
    parent: State | None = None
    children: list[State] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    """What it does beside leading elsewhere."""

    @property
    def id(self) -> str:
        """What both languages call it: its name can be one of their words."""
        return f"s{self.number}"

    @property
    def is_parallel(self) -> bool:
        """Whether all of its states are active at once."""
        return self.body.get("parallel") is True and bool(self.children)

    @property
    def is_history(self) -> bool:
        """Whether it stands for what was active before."""
        return self.body.get("history") is not None

    @property
    def is_final(self) -> bool:
        """Whether nothing comes after it."""
        return self.body.get("final", False) not in (False, None)

    def is_within(self, outer: State) -> bool:
        """Whether it is somewhere in the other one."""
        state = self.parent
        while state is not None and state is not outer:
            state = state.parent
        return state is not None


@dataclass(frozen=True, slots=True)
class Way:
    """A transition. Its words are what brings it, its guard and what it does, as far as they are
    there.
    """

    source: State
    targets: list[State]
    words: list[str]


@dataclass(slots=True)
class Chart:
    """A whole machine, its states in the document's order."""

    root: State
    states: dict[str, State] = field(default_factory=dict)
    ways: list[Way] = field(default_factory=list)

    def all_states(self) -> list[State]:
        """The machine itself, and all of its states."""
        return [self.root, *self.states.values()]

    def named(self, value: Any) -> list[State]:
        """The states that a `target` or an `initial` names."""
        return [self.states[name] for name in _several(value) if name in self.states]

    def beginnings(self, state: State) -> list[State]:
        """What is entered with a compound state, unless that is all."""
        if state.is_parallel:
            return []
        real = [child for child in state.children if not child.is_history]
        return self.named(state.body.get("initial")) or real[:1]

    def innermost(self, states: Mapping[str, str]) -> dict[str, list[State]]:
        """Of the states that a run is in, those with none of them inside; by the run's state."""
        active = [self.states[name] for name in states if name in self.states]
        around = {one.parent.number for one in active if one.parent is not None}
        found: dict[str, list[State]] = {}
        for one in active:
            if one.number not in around and states[one.name] in _COLOURS:
                found.setdefault(states[one.name], []).append(one)
        return found


# --- reading the document ------------------------------------------------------------------------


def read_chart(document: Mapping[str, Any]) -> Chart:
    """What is to be drawn of a document."""
    chart = Chart(State(str(document["name"]), 0, document))
    _read_states(chart, chart.root)
    for state in chart.all_states():
        _read_work(state)
        for brings, way in _ways_out(state.body):
            words = [part for part in (brings, _guard(way), _done(way.get("action"))) if part]
            targets = chart.named(way.get("target"))
            if targets:
                chart.ways.append(Way(state, targets, words))
            else:
                state.lines.append(" ".join(words))
        if state.is_history:
            chart.ways.append(Way(state, chart.named(state.body.get("target")), []))
    return chart


def _read_states(chart: Chart, outer: State) -> None:
    for name, body in (outer.body.get("states") or {}).items():
        state = State(name, len(chart.states) + 1, body or {}, outer)
        chart.states[name] = state
        outer.children.append(state)
        _read_states(chart, state)


def _read_work(state: State) -> None:
    body = state.body
    for when in ("entry", "exit"):
        if body.get(when):
            state.lines.append(f"{when} {_done(body[when])}")
    node = body.get("node") or {}
    phases = [node[role] for role in ("prepare", "execute", "post") if role in node]
    phases += _several(body.get("task"))
    if phases:
        names_states = not body.get("results") and not body.get("returns")
        then = ", which names the next state" if names_states else ""
        state.lines.append(f"do / {', '.join(map(_action, phases))}{then}")


def _ways_out(body: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each transition with the words for what brings it, in the order in which they are tried."""
    for event, ways in (body.get("on") or {}).items():
        yield from ((_short(event), way) for way in _way_list(ways))
    yield from (("", way) for way in _way_list(body.get("always")))
    results = body.get("results") or {}
    for result, ways in results.items():
        words = "done" if result == "*" else _short(f"returned {result}")
        yield from ((words, way) for way in _way_list(ways))
    for result in _several(body.get("returns")):
        if result not in results:
            yield f"returned {result}", {"target": result}
    for way in _way_list(body.get("error")):
        yield " ".join(["error", *_several(way.get("kinds"))]), way
    after = body.get("after")
    if isinstance(after, Mapping) and "delay" not in after:
        for delay, ways in after.items():
            yield from ((f"after {delay}", way) for way in _way_list(ways))
        return
    for way in _way_list(after):
        delay = way.get("delay")
        yield f"after {delay}{'' if isinstance(delay, str) else 's'}", way


def _way_list(value: Any) -> Iterator[Mapping[str, Any]]:
    for one in _several(value):
        yield {"target": one} if isinstance(one, str) else one


def _guard(way: Mapping[str, Any]) -> str:
    return f"[{_short(str(way['guard']))}]" if "guard" in way else ""


def _done(actions: Any) -> str:
    names = [_action(one) for one in _several(actions)]
    return f"/ {', '.join(names)}" if names else ""


def _action(action: Any) -> str:
    """An action, or a phase of a state's work."""
    if isinstance(action, str):
        return _short(action)
    for kind in ("raise", "send", "workflow"):
        if kind in action:
            return _short(f"{kind} {action[kind]}")
    if "assign" in action:
        return _short(f"assign {', '.join(action['assign'])}")
    return _short(str(action.get("activity", "")))


def _title(state: State) -> str:
    if not state.is_history:
        return state.name
    return f"{'H*' if state.body['history'] == 'deep' else 'H'} {state.name}"


def _ending(state: State) -> str:
    """Only that a run fails there has to be said."""
    final = state.body["final"]
    if isinstance(final, Mapping) and "fail" in final:
        return _short(f"fails with {(final['fail'] or {}).get('kind', 'Failed')}")
    return ""


def _several(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _TEXT_WIDTH else text[: _TEXT_WIDTH - 1] + "…"


# --- as Mermaid ----------------------------------------------------------------------------------


def mermaid(document: Mapping[str, Any], states: Mapping[str, str] | None = None) -> Iterator[str]:
    """Lines of a Mermaid state diagram.

    Args:
        document: the definition's.
        states: those that a run is in, with the run's state for each.
    """
    chart = read_chart(document)
    yield "stateDiagram-v2"
    yield from _Mermaid(chart).lines()
    for look, found in chart.innermost(states or {}).items():
        yield f"    classDef {look} fill:{_COLOURS[look]},stroke:#555"
        yield f"    class {','.join(state.id for state in found)} {look}"


class _Mermaid:
    """Writes states where they stand, and arrows between neighbours beside them.

    All other arrows come last, outside of every state: Mermaid takes a state that is mentioned in
    another one's block for a part of that. Between a state and one around it Mermaid draws no arrow
    that could be seen: such a transition is told in words, as what has no target is.
    """

    def __init__(self, chart: Chart) -> None:
        self._chart = chart
        self._notes: list[str] = []
        self._inside: dict[int, list[str]] = {}
        self._outside: list[str] = []
        self._lines = {state.number: list(state.lines) for state in chart.all_states()}
        for number, way in enumerate(chart.ways):
            self._place(way, f"fork{number}")

    def lines(self) -> Iterator[str]:
        """All of the diagram but its head and the states of a run."""
        yield from self._within(self._chart.root, "    ")
        yield from (f"    {line}" for line in self._outside)
        if self._notes:
            yield "    classDef note fill:none,stroke:none"
            yield f"    class {','.join(self._notes)} note"

    def _place(self, way: Way, fork: str) -> None:
        source, parent = way.source, way.source.parent
        if any(one.is_within(source) or source.is_within(one) for one in way.targets):
            names = ", ".join(target.name for target in way.targets)
            self._lines[source.number].append(" ".join([*way.words, "→", names]))
            return
        label = mermaid_text(" ".join(way.words))
        if len(way.targets) > 1:
            around = _around(way)
            self._inside.setdefault(around.number, []).append(f"state {fork} <<fork>>")
            self._outside.append(_arrow(source.id, fork, label))
            self._outside += [_arrow(fork, target.id) for target in way.targets]
            return
        for target in way.targets:
            line = _arrow(source.id, target.id, label)
            if parent is None or parent.is_parallel or target.parent is not parent:
                self._outside.append(line)
            else:
                self._inside.setdefault(parent.number, []).append(line)

    def _state(self, state: State, indent: str) -> Iterator[str]:
        title = mermaid_text(_title(state))
        if state.children:
            yield f'{indent}state "{title}" as {state.id} {{'
            yield from self._within(state, f"{indent}    ")
            yield f"{indent}}}"
            return
        yield f'{indent}state "{title}" as {state.id}'
        for line in self._lines[state.number]:
            yield f"{indent}{state.id} : {mermaid_text(line)}"
        if state.is_final:
            yield indent + _arrow(state.id, "[*]", mermaid_text(_ending(state)))

    def _within(self, state: State, indent: str) -> Iterator[str]:
        regions = [list(self._note(state, indent))]
        for beginning in self._chart.beginnings(state):
            regions[0].append(indent + _arrow("[*]", beginning.id))
        for child in state.children:
            if state.is_parallel and not child.is_history:
                regions.append([])
            # Histories of a divided state are in no region of its own: they stand with its note.
            regions[0 if child.is_history else -1] += self._state(child, indent)
        for number, region in enumerate(filter(None, regions)):
            if number:
                yield f"{indent}--"
            yield from region
        yield from (indent + line for line in self._inside.get(state.number, ()))

    def _note(self, state: State, indent: str) -> Iterator[str]:
        """What a state around others does: its own text in Mermaid is one line."""
        lines = self._lines[state.number]
        if lines:
            texts = map(mermaid_text, lines if state.parent else [state.name, *lines])
            self._notes.append(f"{state.id}note")
            yield f'{indent}state "{"<br/>".join(texts)}" as {self._notes[-1]}'


def _arrow(source: str, target: str, label: str = "") -> str:
    return f"{source} --> {target} : {label}" if label else f"{source} --> {target}"


def _around(way: Way) -> State:
    """The innermost undivided state that a transition stays in."""
    around = way.source
    ends = (way.source, *way.targets)
    while around.parent is not None and (
        around.is_parallel or not all(end.is_within(around) for end in ends)
    ):
        around = around.parent
    return around


# --- as DOT --------------------------------------------------------------------------------------


def dot(document: Mapping[str, Any], states: Mapping[str, str] | None = None) -> Iterator[str]:
    """Lines of a Graphviz digraph.

    Args:
        document: the definition's.
        states: those that a run is in, with the run's state for each.
    """
    chart = read_chart(document)
    yield f"digraph {_dot_text(chart.root.name)} {{"
    yield "    compound=true; fontname=sans; edge [fontname=sans];"
    yield '    node [shape=box, style="rounded,filled", fillcolor=white, fontname=sans];'
    yield from _Dot(chart, states or {}).lines()
    yield "}"


class _Dot:
    """Writes states, compound ones as clusters, then all arrows.

    Graphviz has no arrows between clusters: those of a compound state begin and end at a point in
    it, and are cut at its border unless they stay inside.
    """

    def __init__(self, chart: Chart, states: Mapping[str, str]) -> None:
        self._chart = chart
        self._begins = [
            (state, one) for state in chart.all_states() for one in chart.beginnings(state)
        ]
        ends = {target.number for way in chart.ways for target in way.targets}
        ends |= {way.source.number for way in chart.ways}
        self._with_point = ends | {one.number for _, one in self._begins}
        self._colours = {
            state.number: _COLOURS[look]
            for look, found in chart.innermost(states).items()
            for state in found
        }

    def lines(self) -> Iterator[str]:
        """All of the graph but its head."""
        root = self._chart.root
        has_border = root.lines or root.number in self._with_point
        yield from self._state(root, "    ") if has_border else self._within(root, "    ")
        for state, one in self._begins:
            looks = [f"lhead=cluster_{one.id}"] if one.children else []
            yield f"    {_dot_edge(f'{state.id}_begin', one.id, looks)}"
        for way in self._chart.ways:
            for target in way.targets:
                looks = [f"label={_dot_text(*way.words)}"] if way.words else []
                if way.source.children and not target.is_within(way.source):
                    looks.append(f"ltail=cluster_{way.source.id}")
                if target.children and not way.source.is_within(target):
                    looks.append(f"lhead=cluster_{target.id}")
                yield f"    {_dot_edge(way.source.id, target.id, looks)}"

    def _state(self, state: State, indent: str) -> Iterator[str]:
        lines = [_title(state), *state.lines]
        if state.children:
            is_region = state.parent is not None and state.parent.is_parallel
            yield f"{indent}subgraph cluster_{state.id} {{"
            style = "dashed" if is_region else "rounded"
            yield f"{indent}    label={_dot_text(*lines)}; style={style};"
            if state.number in self._with_point:
                yield f"{indent}    {state.id} [shape=point];"
            yield from self._within(state, f"{indent}    ")
            yield f"{indent}}}"
            return
        looks = []
        if state.is_history:
            looks.append("shape=circle")
        if state.is_final:
            lines += filter(None, [_ending(state)])
            looks.append("peripheries=2")
        if state.number in self._colours:
            looks.append(f'fillcolor="{self._colours[state.number]}"')
        yield f"{indent}{state.id} [{', '.join([f'label={_dot_text(*lines)}', *looks])}];"

    def _within(self, state: State, indent: str) -> Iterator[str]:
        if self._chart.beginnings(state):
            yield f'{indent}{state.id}_begin [shape=circle, label="", width=0.2, fillcolor=black];'
        for child in state.children:
            yield from self._state(child, indent)


def _dot_edge(source: str, target: str, looks: list[str]) -> str:
    how = f" [{', '.join(looks)}]" if looks else ""
    return f"{source} -> {target}{how};"


def _dot_text(*lines: str) -> str:
    """Lines in quotes."""
    text = "\\n".join(json.dumps(line, ensure_ascii=False)[1:-1] for line in lines)
    return f'"{text}"'
