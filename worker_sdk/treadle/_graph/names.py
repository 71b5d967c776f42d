"""The names that mean something by themselves in expressions; no node has them."""

from __future__ import annotations

ANYWHERE = frozenset({"params", "memory", "failures", "run"})
"""What expressions may name everywhere but on an edge from start, beside nodes further up."""

ALL_NAMES = ANYWHERE | {"output", "error", "event", "item"}
