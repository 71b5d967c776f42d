"""The normal form of a graph document: the content that versions are compared by, and stored.

Two documents that differ by accidents alone have one normal form: YAML or a builder, a mapping as
an object or as text, `depends_on` or edges, `90s` or `1m30s`, what is said although it holds
anyway, the order of keys. What means something stays: the order of nodes and of edges (edges are
named by their place in events, so no edge may ever move), and constants to the letter.

Only for documents that `parse` accepts. The normal form is accepted too, and means the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from treadle_server.definitions.document import Problems
from treadle_server.definitions.graph.normal_nodes import node_form
from treadle_server.definitions.graph.normal_parts import (
    Part,
    duration,
    expression,
    options,
    said,
)
from treadle_server.definitions.graph.options import Defaults, read_defaults


def normalise(document: Mapping[str, Any]) -> Part:
    """The normal form. Raises nothing that `parse` would not have raised."""
    defaults = read_defaults(document.get("defaults"), "defaults", Problems())
    names = list(document["nodes"])
    index = {name: number for number, name in enumerate(names)}
    nodes = {
        name: node_form(name, body or {}, defaults, index, names)
        for name, body in document["nodes"].items()
    }
    return said(
        treadle=document["treadle"],
        kind="graph",
        name=document["name"],
        description=document.get("description"),
        params=_params(document.get("params")),
        defaults=_defaults(defaults) or None,
        run_timeout=duration(document.get("run_timeout")),
        nodes=nodes,
        edges=list(_edges(document)) or None,
        output=expression(document.get("output"), "output"),
        activities=_activities(document.get("activities")),
    )


# --- parameters, defaults, activities -------------------------------------------------------------


def _params(params: Mapping[str, Any] | None) -> Part | None:
    """Sorted; an empty declaration stays, because it accepts no parameter at all."""
    if params is None:
        return None
    return {name: _parameter(params[name]) for name in sorted(params)}


def _parameter(body: Mapping[str, Any]) -> Part:
    declared = said(
        type=body.get("type") if body.get("type") != "any" else None,
        required=False if body.get("required") is False and "default" not in body else None,
        min_length=body.get("min_length") or None,
        description=body.get("description"),
    )
    return declared | ({"default": body["default"]} if "default" in body else {})


def _defaults(defaults: Defaults) -> Part:
    usual = read_defaults(None, "defaults", Problems())
    return options(defaults.queue, defaults.retry, defaults.timeouts, defaults.priority, usual)


def _activities(activities: Mapping[str, Any] | None) -> Part | None:
    described = {
        name: said(
            description=body.get("description"),
            input=_sorted(body.get("input")),
            output=_sorted(body.get("output")),
        )
        for name, body in sorted((activities or {}).items())
    }
    return described or None


def _sorted(schema: Any) -> Any:
    """A schema with its keys in order, all the way down."""
    if isinstance(schema, dict):
        return {key: _sorted(schema[key]) for key in sorted(schema)}
    if isinstance(schema, list):
        return [_sorted(item) for item in schema]
    return schema


# --- nodes and edges ------------------------------------------------------------------------------


def _edges(document: Mapping[str, Any]) -> Iterator[Part]:
    """In the order in which `parse` numbers them."""
    for place, body in enumerate(document.get("edges") or []):
        yield _edge(body, f"edges[{place}]")
    for name, node in document["nodes"].items():
        for key in ("depends_on", "depends_on_any"):
            for source in _sources(node or {}, key):
                yield {"from": source, "to": name}


def _sources(node: Mapping[str, Any], key: str) -> list[str]:
    sources = node.get(key) or []
    return [sources] if isinstance(sources, str) else sources


def _edge(body: Mapping[str, Any], path: str) -> Part:
    ends = {"from": body["from"], "to": body["to"]}
    guard = said(
        on=body.get("on") if body.get("on") != "success" else None,
        max_iterations=body.get("max_iterations"),
        delay=duration(body.get("delay")),
        kinds=body.get("kinds") or None,
        when=expression(body.get("when"), f"{path}.when"),
    )
    otherwise = {"else": True} if body.get("else") else {}
    mapping = said(
        map=expression(body.get("map"), f"{path}.map"), description=body.get("description")
    )
    return ends | guard | otherwise | mapping
