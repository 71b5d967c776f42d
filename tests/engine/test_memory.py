"""Operations on a run's memory: all of them or none."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from treadle_server.engine.memory import MemoryConflict, apply_operations, merge
from treadle_server.engine.values import CompareAndSet, MemoryOperation, Payload


def json_payload(value: object) -> Payload:
    return Payload(json.dumps(value).encode())


def apply(memory: dict[str, Payload], *operations: MemoryOperation) -> dict[str, object]:
    merge(memory, apply_operations(memory, operations))
    return {key: json.loads(value.data) for key, value in memory.items()}


def add(amount: float) -> MemoryOperation:
    return MemoryOperation(key="n", add=amount)


def test_operations_see_those_before_them() -> None:
    assert apply(
        {"n": json_payload(1)},
        add(2.0),
        add(0.5),
        MemoryOperation(key="m", set=json_payload("x")),
        MemoryOperation(
            key="m",
            compare_and_set=CompareAndSet(value=json_payload("y"), expected=Payload(b'"x"')),
        ),
        MemoryOperation(key="o", set=json_payload(1)),
        MemoryOperation(key="o", delete=True),
    ) == {"n": 3.5, "m": "y"}


def test_nothing_expected_means_that_there_is_nothing() -> None:
    swap = MemoryOperation(key="n", compare_and_set=CompareAndSet(value=json_payload(1)))
    assert apply({}, swap) == {"n": 1}
    with pytest.raises(MemoryConflict):
        apply({"n": json_payload(0)}, swap)


def test_a_conflict_changes_nothing() -> None:
    memory = {"n": json_payload(1)}
    with pytest.raises(MemoryConflict):
        apply(
            memory,
            add(1.0),
            MemoryOperation(
                key="m",
                compare_and_set=CompareAndSet(value=json_payload(1), expected=json_payload(2)),
            ),
        )
    assert memory == {"n": json_payload(1)}


def test_whole_numbers_are_added_exactly() -> None:
    assert apply({"n": json_payload(2**60)}, add(1.0)) == {"n": 2**60 + 1}
    assert apply({"n": json_payload(0.5)}, add(0.5)) == {"n": 1}


IMPOSSIBLE = {
    "text": (b'"3"', 1.0),
    "a boolean": (b"true", 1.0),
    "no JSON": (b"\xff", 1.0),
    "nested deeply": (b"[" * 100_000, 1.0),
    "a number with more digits than Python reads": (b"9" * 5_000, 1.0),
    "more than a double holds": (b"1" + b"0" * 400, 0.5),
    "a sum that is infinite": (b"1.7e308", 1.7e308),
    "an infinity": (b"0", float("inf")),
    "not a number": (b"0", float("nan")),
}


@pytest.mark.parametrize(("data", "amount"), IMPOSSIBLE.values(), ids=IMPOSSIBLE.keys())
def test_what_cannot_be_added_is_a_conflict(data: bytes, amount: float) -> None:
    with pytest.raises(MemoryConflict):
        apply({"n": Payload(data)}, add(amount))


@given(st.floats(allow_nan=False, allow_infinity=False), st.integers() | st.floats())
def test_a_sum_is_json_or_a_conflict(amount: float, before: float) -> None:
    memory = {"n": json_payload(before)}
    try:
        apply(memory, add(amount))
    except MemoryConflict:
        return
    json.loads(memory["n"].data, parse_constant=pytest.fail)
