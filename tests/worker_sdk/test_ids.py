"""Ids that are ordered by time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from treadle._ids import request_id, uuid7

MILLISECONDS = st.integers(min_value=0, max_value=2**48 - 1)


@given(st.lists(st.tuples(MILLISECONDS, st.binary(min_size=9, max_size=9))))
def test_request_ids_sort_by_time_and_are_what_they_are_made_of(
    parts: list[tuple[int, bytes]],
) -> None:
    made = [request_id(*one) for one in parts]
    assert all(len(one) == 20 and one.isascii() and one.isprintable() for one in made)
    assert [request_id(*one) for one in sorted(parts)] == sorted(made)
    assert len(set(made)) == len(set(parts))


@given(MILLISECONDS, st.binary(min_size=10, max_size=10))
def test_run_ids_are_uuids_of_version_7(milliseconds: int, randomness: bytes) -> None:
    made = uuid7(milliseconds, randomness)
    assert made[:6] == milliseconds.to_bytes(6, "big")
    assert (made[6] >> 4, made[8] >> 6) == (7, 2)
