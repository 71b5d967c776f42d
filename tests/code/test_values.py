"""What steps are called with: copies of what the code has."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from treadle._code.values import copied


@dataclass
class Order:
    items: list[int]


ATOMS = (
    st.none() | st.booleans() | st.integers() | st.text() | st.binary() | st.floats(allow_nan=False)
)
PLAIN = st.recursive(
    ATOMS,
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.text() | st.integers(), inner)
        | st.lists(inner).map(tuple)
    ),
)


def containers(value: Any) -> list[int]:
    """The ids of all lists and dictionaries in a value."""
    match value:
        case dict():
            return [id(value), *(one for entry in value.values() for one in containers(entry))]
        case list():
            return [id(value), *(one for entry in value for one in containers(entry))]
        case tuple():
            return [one for entry in value for one in containers(entry)]
    return []


@given(PLAIN)
def test_a_copy_is_equal_and_shares_nothing_that_can_change(value: Any) -> None:
    made = copied(value)
    assert made == value
    assert type(made) is type(value)
    assert not set(containers(made)) & set(containers(value))


def test_what_is_there_twice_stays_one_thing() -> None:
    shared = [1]
    first, second = copied((shared, {"again": shared}))
    first.append(2)
    assert second["again"] == [1, 2]
    assert shared == [1]


def test_a_list_may_hold_itself() -> None:
    endless: list[Any] = [1]
    endless.append(endless)
    made = copied(endless)
    assert made is not endless
    assert made[1] is made


@pytest.mark.parametrize("value", [Order([1]), {"order": Order([1])}, {1, 2}, [bytearray(b"a")]])
def test_what_json_does_not_have_is_copied_as_python_does(value: Any) -> None:
    made = copied(value)
    assert made == copy.deepcopy(value)
    assert made is not value


class Text(str):
    """A class of the user's own, which stays what it is."""


def test_a_class_that_is_like_a_plain_one_keeps_its_type() -> None:
    [made] = copied([Text("a")])
    assert type(made) is Text
