"""Reading when a node with several edges in starts: `join`, or `depends_on` with `depends_on_any`.

A join is a word (`all`, `any`, `race`), a number of sources, or a boolean of their names such as
`a and (b or c)`, which `{all: [a, {any: [b, c]}]}` says as well. `all` needs no rule here.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from treadle_server.definitions.document import Problems, shown
from treadle_server.definitions.graph.model import EdgePlan
from treadle_server.engine.joins import Formula, Join

MAX_NAMES = 1_000
MAX_DEPTH = 32
_OPERATORS = {"all": "and", "any": "or"}
_TOKEN = re.compile(r"\(|\)|[^\s()]+")


class JoinInvalid(Exception):
    """What is wrong with a join. `unknown` is a name that no node has."""

    def __init__(self, message: str, unknown: str = "") -> None:
        super().__init__(message)
        self.unknown = unknown


def read_joins(
    bodies: Mapping[str, Any],
    index: Mapping[str, int],
    edges: Sequence[EdgePlan],
    back: frozenset[int],
    problems: Problems,
) -> dict[int, Join]:
    """The joins that need a rule, by node."""
    into: dict[int, list[int]] = {}
    for number, edge in enumerate(edges):
        if number not in back:
            into.setdefault(edge.target, []).append(edge.source)
    names = list(index)
    outs = Counter(source for sources in into.values() for source in sources)
    found: dict[int, Join] = {}
    for name, body in bodies.items():
        if not isinstance(body, Mapping):
            continue
        if body.get("join") is None and not body.get("depends_on_any"):
            continue
        node = index[name]
        try:
            join = _read(name, body, index, into.get(node, []), names)
            if join is not None and not problems.stored:
                _check_all_named(join, body, names)
        except JoinInvalid as invalid:
            hint = problems.nearest(invalid.unknown, index) if invalid.unknown else ""
            key = "depends_on_any" if body.get("join") is None else "join"
            problems.add(f"nodes.{name}.{key}", f"{invalid}{hint}")
            continue
        if join is None:
            continue
        if body.get("join") == "race":
            join.losers = _losers(node, into, outs)
        found[node] = join
    return found


def _read(
    name: str,
    body: Mapping[str, Any],
    index: Mapping[str, int],
    sources: Sequence[int],
    names: Sequence[str],
) -> Join | None:
    value = body.get("join")
    edge_counts = Counter(sources)
    if value is None:
        return Join(formula=_short_form(body, index), edge_counts=edge_counts)
    if body.get("depends_on_any"):
        raise JoinInvalid("stands beside `depends_on_any`, which is a join of its own; keep one")
    if value == "all":
        return None
    if not sources:
        raise JoinInvalid(f"{name!r} has no edges in, so there is nothing to join")
    if value in ("any", "race"):
        return Join(count=1)
    if isinstance(value, int) and not isinstance(value, bool):
        if not 1 <= value <= len(edge_counts):
            raise JoinInvalid(
                f"must be from 1 to {len(edge_counts)}, the number of nodes that lead here; is "
                f"{value}"
            )
        return Join(count=value)
    if isinstance(value, Mapping):
        formula = _structured(value, index, 0)
        _check_names(formula, set(edge_counts), names)
        return Join(formula=formula, edge_counts=edge_counts)
    if not isinstance(value, str):
        raise JoinInvalid(
            f"must be all, any, race, a number, or names with `and` and `or`; is {shown(value)}"
        )
    formula = _Parser(value, index).read()
    _check_names(formula, set(edge_counts), names)
    return Join(formula=formula, edge_counts=edge_counts)


def _structured(value: Any, index: Mapping[str, int], depth: int) -> Formula:
    """`{all: [...]}` and `{any: [...]}`, nested; for names that are no single word."""
    if isinstance(value, str):
        if value not in index:
            raise JoinInvalid(f"there is no node {value!r}.", value)
        return index[value]
    if depth > MAX_DEPTH:
        raise JoinInvalid(f"is nested deeper than {MAX_DEPTH}")
    if isinstance(value, Mapping) and len(value) == 1:
        [(word, parts)] = value.items()
        if word in _OPERATORS and isinstance(parts, list) and parts:
            inner = tuple(_structured(part, index, depth + 1) for part in parts)
            return inner[0] if len(inner) == 1 else (_OPERATORS[word], inner)
    raise JoinInvalid(f"needs `all` or `any` with a list of nodes; is {shown(value)}")


def join_form(body: Mapping[str, Any], index: Mapping[str, int], names: Sequence[str]) -> Any:
    """The normal form of a node's join; None for the usual one. `names` are the nodes in order."""
    value = body.get("join")
    if body.get("depends_on_any"):
        formula = _short_form(body, index)
    elif isinstance(value, Mapping):
        formula = _structured(value, index, 0)
    elif isinstance(value, str) and value not in ("all", "any", "race"):
        formula = _Parser(value, index).read()
    else:
        return None if value == "all" else value
    return _form(formula, names)


def _form(formula: Formula, names: Sequence[str]) -> Any:
    if isinstance(formula, int):
        return {"all": [names[formula]]}
    operator, parts = formula
    word = "all" if operator == "and" else "any"
    return {word: [names[p] if isinstance(p, int) else _form(p, names) for p in parts]}


def _short_form(body: Mapping[str, Any], index: Mapping[str, int]) -> Formula:
    """All of `depends_on` and one of `depends_on_any`."""
    needed: list[Formula] = [index[name] for name in _names(body.get("depends_on"), index)]
    any_of: list[Formula] = [index[name] for name in _names(body["depends_on_any"], index)]
    either: Formula = any_of[0] if len(any_of) == 1 else ("or", tuple(any_of))
    return ("and", (*needed, either)) if needed else either


def _names(value: Any, index: Mapping[str, int]) -> list[str]:
    names = [value] if isinstance(value, str) else value or []
    return [name for name in names if isinstance(name, str) and name in index]


def _check_names(formula: Formula, sources: set[int], names: Sequence[str]) -> None:
    for node in set(_leaves(formula)) - sources:
        raise JoinInvalid(f"names {names[node]!r}, from which no edge leads here")


def _check_all_named(join: Join, body: Mapping[str, Any], names: Sequence[str]) -> None:
    """Refuses an edge that a formula leaves out: nobody waits for it."""
    if join.formula is None:
        return
    for node in join.edge_counts.keys() - set(_leaves(join.formula)):
        if body.get("join") is None:
            raise JoinInvalid(
                f"says nothing of the edge from {names[node]!r}; write a `join` of all the nodes "
                "that lead here"
            )
        raise JoinInvalid(f"must also say what the edge from {names[node]!r} is for")


def _leaves(formula: Formula) -> list[int]:
    if isinstance(formula, int):
        return [formula]
    return [leaf for part in formula[1] for leaf in _leaves(part)]


class _Parser:
    """`or` of `and` of names and parentheses."""

    def __init__(self, text: str, index: Mapping[str, int]) -> None:
        self._tokens = _TOKEN.findall(text)
        self._index = index
        self._next = 0
        if len(self._tokens) > 4 * MAX_NAMES:
            raise JoinInvalid(f"is too long; at most {MAX_NAMES} names are possible")

    def read(self) -> Formula:
        """The whole text."""
        formula = self._chain("or", 0)
        if self._peek():
            raise JoinInvalid(f"`{self._peek()}` is not expected there; use `and`, `or` and ( )")
        return formula

    def _peek(self) -> str:
        return self._tokens[self._next] if self._next < len(self._tokens) else ""

    def _chain(self, operator: str, depth: int) -> Formula:
        if depth > MAX_DEPTH:
            raise JoinInvalid(f"is nested deeper than {MAX_DEPTH}")
        parts = [self._chain("and", depth) if operator == "or" else self._name(depth)]
        while self._peek() == operator:
            self._next += 1
            parts.append(self._chain("and", depth) if operator == "or" else self._name(depth))
        return parts[0] if len(parts) == 1 else (operator, tuple(parts))

    def _name(self, depth: int) -> Formula:
        token = self._peek()
        self._next += 1
        if token == "(":
            inside = self._chain("or", depth + 1)
            if self._peek() != ")":
                raise JoinInvalid("a parenthesis is not closed")
            self._next += 1
            return inside
        if token in ("", ")", "and", "or"):
            raise JoinInvalid("needs the name of a node on both sides of `and` and `or`")
        if token not in self._index:
            raise JoinInvalid(f"there is no node {token!r}.", token)
        return self._index[token]


def _losers(
    node: int, into: Mapping[int, Sequence[int]], outs: Mapping[int, int]
) -> tuple[int, ...]:
    """The nodes that lead only here: whatever way one takes from them, it comes here. `into` are
    the sources of each node, `outs` counts the edges out of each.
    """
    here: Counter[int] = Counter()
    found: list[int] = []
    todo = [node]
    while todo:
        for source in into.get(todo.pop(), ()):
            here[source] += 1
            if here[source] == outs[source]:
                found.append(source)
                todo.append(source)
    return tuple(sorted(found))
