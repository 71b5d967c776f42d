"""A run's memory: small values by key that activities read and write.

Writes travel with an activity's result and are applied with it or not at all, so a retried attempt
leaves nothing half-written. Values are compared byte by byte: whoever sets and expects a value
should write it the same way both times, as every SDK does.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable

from treadle_server.engine.values import MemoryOperation, Payload


class MemoryConflict(Exception):
    """A compare-and-set found another value, or an addition found something that is no number."""


def _number(key: str, payload: Payload | None) -> int | float:
    if payload is None:
        return 0
    try:
        value = json.loads(payload.data)
    except (ValueError, RecursionError):
        value = None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise MemoryConflict(f"memory key {key!r} holds no number, so nothing can be added to it")
    return value


def _added(key: str, present: Payload | None, amount: float) -> Payload:
    before = _number(key, present)
    try:
        # Whole numbers are added as such: a double is exact to 2**53 only.
        whole = isinstance(before, int) and amount.is_integer()
        total = before + (int(amount) if whole else amount)
        finite = math.isfinite(total)
    except OverflowError:
        finite = False
    if not finite:
        raise MemoryConflict(f"memory key {key!r} would hold no finite number")
    return Payload(json.dumps(int(total) if float(total).is_integer() else total).encode())


def apply_operations(
    memory: dict[str, Payload], operations: Iterable[MemoryOperation]
) -> dict[str, Payload | None]:
    """What the operations change, by key; None stands for a deleted key. `memory` itself stays as
    it is.

    Raises `MemoryConflict` if one of them cannot be applied; then none of them is.
    """
    changes: dict[str, Payload | None] = {}
    for operation in operations:
        key = operation.key
        present = changes[key] if key in changes else memory.get(key)
        if operation.set is not None:
            changes[key] = operation.set
        elif operation.delete:
            changes[key] = None
        elif operation.add is not None:
            changes[key] = _added(key, present, operation.add)
        elif operation.compare_and_set is not None:
            expected = operation.compare_and_set.expected
            if (present and present.data) != (expected and expected.data):
                raise MemoryConflict(f"memory key {key!r} does not hold the expected value")
            changes[key] = operation.compare_and_set.value
    return changes


def merge(memory: dict[str, Payload], changes: dict[str, Payload | None]) -> None:
    """Writes the outcome of `apply_operations` into `memory`."""
    for key, value in changes.items():
        if value is None:
            memory.pop(key, None)
        else:
            memory[key] = value


def members(output: Payload) -> dict[str, Payload | None]:
    """What an object that an action returned changes: each of its members, byte by byte as any
    SDK would write it. Anything but an object changes nothing.
    """
    try:
        value = json.loads(output.data)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(value, dict):
        return {}
    return {
        key: Payload(json.dumps(part, separators=(",", ":"), ensure_ascii=False).encode())
        for key, part in value.items()
    }
