"""Pictures of definitions and of runs, as Mermaid or DOT; those of graphs are drawn here.

A run's has the state of each node. Drawn from the document as the server stores it, its normal
form: every dependency is an edge there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from treadle_server.cli.exit_codes import CommandFailed
from treadle_server.cli.mermaid_text import mermaid_text

START = "start"
_LABEL_WIDTH = 40

_KINDS = ("fail", "compute", "timer", "wait", "send", "workflow")

_COLOURS = {
    "RUNNING": "#cfe8ff",
    "COMPLETED": "#d3f2d3",
    "FAILED": "#ffd0cc",
    "SKIPPED": "#eeeeee",
    "UNREACHED": "#eeeeee",
    "CANCELLED": "#ffe7b8",
}
"""By state; a node that is pending is left white."""


@dataclass(frozen=True, slots=True)
class Arrow:
    """An edge as it is drawn. `style` is plain, error or back."""

    source: str
    target: str
    label: str
    style: str


def picture(
    document: Mapping[str, Any], drawn_as: str, states: Mapping[str, str] | None = None
) -> str:
    """A definition drawn as "mermaid" or "dot".

    Args:
        document: the definition's.
        drawn_as: the language.
        states: of a run: of a graph's nodes, or for a machine of the states that it is in.

    Raises `CommandFailed` for code, of which nobody knows what it will do.
    """
    from treadle_server.cli import machine_pictures

    kind = document.get("kind")
    if kind == "machine":
        draw = machine_pictures.dot if drawn_as == "dot" else machine_pictures.mermaid
    elif "nodes" in document:
        draw = dot if drawn_as == "dot" else mermaid
    else:
        raise CommandFailed(f"{document.get('name')} is {kind}: only graphs and machines are drawn")
    return "\n".join(draw(document, states))


def mermaid(document: Mapping[str, Any], states: Mapping[str, str] | None = None) -> Iterator[str]:
    """Lines of a Mermaid flowchart."""
    names = {name: f"n{number}" for number, name in enumerate(document["nodes"])}
    yield "flowchart TD"
    for name, body in document["nodes"].items():
        left, right = _MERMAID_SHAPES.get(_kind(body), ("[", "]"))
        text = _quoted("<br/>".join(mermaid_text(line) for line in _lines(name, body)))
        yield f"    {names[name]}{left}{text}{right}"
    arrows = list(_arrows(document))
    if any(arrow.source == START for arrow in arrows):
        names[START] = "start"
        yield "    start((start))"
    for arrow in arrows:
        line = "-->" if arrow.style == "plain" else "-.->"
        label = f"|{_quoted(mermaid_text(arrow.label))}|" if arrow.label else ""
        yield f"    {names[arrow.source]} {line}{label} {names[arrow.target]}"
    for state, colour in _COLOURS.items():
        of_state = [names[name] for name, one in (states or {}).items() if one == state]
        if of_state:
            yield f"    classDef {state} fill:{colour},stroke:#555"
            yield f"    class {','.join(of_state)} {state}"


def dot(document: Mapping[str, Any], states: Mapping[str, str] | None = None) -> Iterator[str]:
    """Lines of a Graphviz digraph."""
    yield f"digraph {_quoted(document['name'])} {{"
    yield "    rankdir=TB; node [shape=box, style=filled, fillcolor=white, fontname=sans];"
    for name, body in document["nodes"].items():
        label = "\\n".join(_backslashed(line) for line in _lines(name, body))
        shape = _DOT_SHAPES.get(_kind(body), "box")
        colour = _COLOURS.get((states or {}).get(name, ""), "white")
        facts = f'label="{label}", shape={shape}, fillcolor="{colour}"'
        yield f"    {_quoted(_backslashed(name))} [{facts}];"
    for arrow in _arrows(document):
        looks = [f'label="{_backslashed(arrow.label)}"'] if arrow.label else []
        looks += ["style=dashed"] if arrow.style != "plain" else []
        ends = f"{_quoted(_backslashed(arrow.source))} -> {_quoted(_backslashed(arrow.target))}"
        yield f"    {ends} [{', '.join(looks)}];"
    yield "}"


_MERMAID_SHAPES = {
    "fail": ("[[", "]]"),
    "compute": ("(", ")"),
    "timer": ("([", "])"),
    "wait": ("{{", "}}"),
    "send": (">", "]"),
    "workflow": ("[/", "/]"),
}
_DOT_SHAPES = {
    "fail": "doubleoctagon",
    "compute": "ellipse",
    "timer": "ellipse",
    "wait": "hexagon",
    "send": "cds",
    "workflow": "box3d",
}


def _kind(body: Mapping[str, Any]) -> str:
    return next((kind for kind in _KINDS if kind in body), "")


def _lines(name: str, body: Mapping[str, Any]) -> list[str]:
    """The node's id, and what it is if that is not told by the id."""
    kind = _kind(body)
    what = ""
    if kind == "workflow":
        what = f"workflow {body['workflow']['name']}"
    elif kind in ("wait", "send"):
        what = f"{kind} {body[kind]['event']}"
    elif kind == "timer":
        what = f"timer {body['timer'].get('delay', body['timer'].get('at', ''))}"
    elif kind:
        what = kind
    elif body.get("activity", name) != name:
        what = body["activity"]
    if "map" in body:
        what = f"{what or name}, once per item"
    return [name, *([_short(what)] if what else [])]


def _arrows(document: Mapping[str, Any]) -> Iterator[Arrow]:
    order = {name: number for number, name in enumerate(document["nodes"])}
    for edge in document.get("edges", ()):
        words = [edge["on"]] if edge.get("on", "success") != "success" else []
        words += edge.get("kinds", [])
        words += ["else"] if edge.get("else") else []
        words += [_short(str(edge["when"]))] if "when" in edge else []
        back = order.get(edge["from"], -1) >= order[edge["to"]] and "when" in edge
        style = "error" if edge.get("on") else "back" if back else "plain"
        yield Arrow(edge["from"], edge["to"], " ".join(words), style)
    for name, body in document["nodes"].items():
        for key in ("depends_on", "depends_on_any"):
            sources = body.get(key, [])
            for source in [sources] if isinstance(sources, str) else sources:
                yield Arrow(source, name, "", "plain")


def _short(text: str) -> str:
    return text if len(text) <= _LABEL_WIDTH else text[: _LABEL_WIDTH - 1] + "…"


def _quoted(text: str) -> str:
    return f'"{text}"'


def _backslashed(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)[1:-1]
