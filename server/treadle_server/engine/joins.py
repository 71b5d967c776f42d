"""When a node with several edges in may start: any, so many, or a boolean of its sources.

The usual join (all edges resolved, one of them taken) needs no rule and is counted in `graph.py`.
Here a source is true when one of its edges is taken, false when all of them are dead, and else
unknown. A join that is true fires and ignores what comes later; one that can only be false is
unreached.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

Formula = int | tuple[str, "tuple[Formula, ...]"]
"""A source's number, or ("and" | "or", parts)."""


@dataclass(slots=True, kw_only=True)
class Join:
    """`count` sources must be true; or else `formula` must be. `losers` are the nodes that lead
    here only: they are stopped when a race is decided.
    """

    count: int = 0
    formula: Formula | None = None
    edge_counts: Mapping[int, int] = field(default_factory=dict)
    """How many edges each source of a formula has into the node."""
    losers: tuple[int, ...] = ()


def evaluate(formula: Formula, status: Callable[[int], bool | None]) -> bool | None:
    """The formula's value, None while it may still be either."""
    if isinstance(formula, int):
        return status(formula)
    operator, parts = formula
    decides = operator == "or"  # the value of one part that settles the whole
    unknown = False
    for part in parts:
        value = evaluate(part, status)
        if value is decides:
            return decides
        unknown = unknown or value is None
    return None if unknown else not decides
