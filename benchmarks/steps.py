"""What is measured: one trivial activity, and graphs of it.

The value is about 250 bytes of JSON and stays that size: each step adds a time stamp and takes as
much of the padding away. Stamps are microseconds of CLOCK_MONOTONIC, which is one clock for all
processes of a machine. `../shared/bench/peers` measures other engines with the same value.
"""

from __future__ import annotations

import time
from typing import Any

from treadle import activity

_PADDING = 216
_STAMP = 12


def payload() -> dict[str, Any]:
    """What a run starts with."""
    return {"n": 0, "t": [], "pad": "x" * _PADDING}


@activity
async def bump(n: int, t: list[int], pad: str) -> dict[str, Any]:
    """Counts, and stamps the time."""
    return {"n": n + 1, "t": [*t, time.monotonic_ns() // 1_000], "pad": pad[_STAMP:]}


@activity
async def tick(value: int) -> int:
    """As little as an activity can do."""
    return value


def chain(name: str, length: int, kind: str = "bump", queue: str = "default") -> dict[str, Any]:
    """Steps one after the other."""
    nodes: dict[str, Any] = {"s0": {"activity": kind, "queue": queue}}
    for number in range(1, length):
        nodes[f"s{number}"] = {
            "activity": kind,
            "queue": queue,
            "depends_on": f"s{number - 1}",
        }
    return _document(name, nodes)


def states(name: str, length: int) -> dict[str, Any]:
    """The same chain as a state machine: a state for each step, whose result goes into memory."""
    found: dict[str, Any] = {}
    for number in range(length):
        target = f"s{number + 1}" if number + 1 < length else "done"
        found[f"s{number}"] = {
            "task": {"activity": "bump", "input": "memory.value"},
            "results": {"*": {"target": target, "action": {"assign": {"value": "event"}}}},
        }
    return {
        "treadle": "v1",
        "kind": "machine",
        "name": name,
        "memory": {"value": "params"},
        "states": found | {"done": {"final": {"output": "memory.value"}}},
    }


def lanes(name: str, width: int, length: int) -> dict[str, Any]:
    """`width` chains side by side: a graph of `width` times `length` nodes."""
    nodes: dict[str, Any] = {}
    for lane in range(width):
        nodes[f"l{lane}s0"] = {"activity": "tick"}
        for number in range(1, length):
            nodes[f"l{lane}s{number}"] = {
                "activity": "tick",
                "depends_on": f"l{lane}s{number - 1}",
            }
    return _document(name, nodes) | {"output": "null"}


def _document(name: str, nodes: dict[str, Any]) -> dict[str, Any]:
    return {"treadle": "v1", "kind": "graph", "name": name, "nodes": nodes}


def checked_stamps(output: Any, steps: int = 3) -> list[int]:
    """The stamps of a run's output. Raises `AssertionError` if it is not what it must be."""
    stamps: list[int] = output["t"]
    if output["n"] != steps or len(stamps) != steps or stamps != sorted(stamps):
        raise AssertionError(f"a run gave {output!r}")
    return stamps
