"""Inputs by annotation: the same cases for each way of writing down a type."""

from __future__ import annotations

import base64
import dataclasses
import datetime
import decimal
import enum
import uuid
from collections.abc import Callable
from typing import Annotated, Any, Literal, NewType, NotRequired, TypedDict

import jsonschema_rs
import msgspec
import pydantic
import pytest
import typing_extensions

from treadle import Context, activity, payload
from treadle._types.mismatch import Mismatch
from treadle.activities import Activity
from treadle.errors import DefinitionError, PayloadError
from treadle.v1 import payload_pb2, worker_service_pb2

CONTEXT = Context(worker_service_pb2.Task())


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


# --- one order, written down in four ways --------------------------------------------------------


@dataclasses.dataclass
class DataLine:
    sku: str
    count: int = 1


@dataclasses.dataclass
class DataOrder:
    id: int
    lines: list[DataLine]
    colour: Colour = Colour.RED
    due: datetime.datetime | None = None


class PydanticLine(pydantic.BaseModel):
    sku: pydantic.StrictStr
    count: int = 1


class PydanticOrder(pydantic.BaseModel):
    id: pydantic.StrictInt
    lines: list[PydanticLine]
    colour: Colour = Colour.RED
    due: datetime.datetime | None = None


class StructLine(msgspec.Struct):
    sku: str
    count: int = 1


class StructOrder(msgspec.Struct):
    id: int
    lines: list[StructLine]
    colour: Colour = Colour.RED
    due: datetime.datetime | None = None


class DictLine(TypedDict):
    sku: str
    count: NotRequired[int]


class DictOrder(TypedDict):
    id: int
    lines: list[DictLine]
    colour: NotRequired[Colour]
    due: NotRequired[datetime.datetime | None]


@activity
async def with_dataclass(order: DataOrder) -> DataOrder:
    return order


@activity
async def with_pydantic(order: PydanticOrder) -> PydanticOrder:
    return order


@activity
async def with_struct(order: StructOrder) -> StructOrder:
    return order


@activity
async def with_dict(order: DictOrder) -> DictOrder:
    return order


@activity
async def with_parameters(
    id: int,  # noqa: A002
    lines: list[DictLine],
    ctx: Context,
    colour: Colour = Colour.RED,
    due: datetime.datetime | None = None,
) -> None: ...


WAYS: list[Activity[..., Any]] = [
    with_dataclass,
    with_pydantic,
    with_struct,
    with_dict,
    with_parameters,
]
each_way = pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)

ORDER = {
    "id": 7,
    "lines": [{"sku": "a-1"}, {"sku": "b-2", "count": 3}],
    "colour": "blue",
    "due": "2031-05-06T07:08:09+00:00",
    "unknown": "is ignored",
}


def arguments(way: Activity[..., Any], value: object) -> dict[str, Any]:
    return way.arguments(payload.encode(value), CONTEXT)


def member(value: Any, name: str) -> Any:
    return value[name] if isinstance(value, dict) else getattr(value, name)


@each_way
def test_a_fitting_input_becomes_what_the_annotation_says(way: Activity[..., Any]) -> None:
    given = arguments(way, ORDER)
    order = given if way is with_parameters else given["order"]
    assert member(order, "id") == 7
    assert member(order, "colour") is Colour.BLUE
    assert member(order, "due") == datetime.datetime(2031, 5, 6, 7, 8, 9, tzinfo=datetime.UTC)
    assert [member(line, "sku") for line in member(order, "lines")] == ["a-1", "b-2"]
    assert member(member(order, "lines")[1], "count") == 3


@each_way
@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"id": "seven"}, "input.id"),
        ({"lines": {"sku": "a"}}, "input.lines"),
        ({"lines": [{"sku": "a"}, {"sku": 5}]}, "input.lines[1].sku"),
        ({"lines": [{"sku": "a", "count": "many"}]}, "input.lines[0].count"),
        ({"colour": "green"}, "input.colour"),
        ({"due": "tomorrow"}, "input.due"),
    ],
    ids=["id", "lines", "sku", "count", "colour", "due"],
)
def test_the_path_of_what_does_not_fit_is_named(
    way: Activity[..., Any], change: dict[str, object], path: str
) -> None:
    with pytest.raises(Mismatch) as raised:
        arguments(way, {**ORDER, **change})
    assert [fault_path for fault_path, _ in raised.value.faults] == [path]


@each_way
def test_what_is_missing_is_named(way: Activity[..., Any]) -> None:
    with pytest.raises(Mismatch, match=r"input(\.lines\[0\])?.*sku"):
        arguments(way, {"id": 1, "lines": [{}]})


@each_way
@pytest.mark.parametrize("value", [None, 3, "text", [1], b"bytes"], ids=repr)
def test_what_is_not_an_object_at_all_is_refused(way: Activity[..., Any], value: object) -> None:
    with pytest.raises(Mismatch, match="input"):
        arguments(way, value)


@each_way
def test_the_schema_says_the_same_as_the_check(way: Activity[..., Any]) -> None:
    schema = way.input_schema()
    assert schema is not None
    validator = jsonschema_rs.validator_for(schema)
    for value in [
        ORDER,
        {"id": 1, "lines": []},
        {"id": "x", "lines": []},
        {"id": 1},
        {"id": 1, "lines": [{"count": 3}]},
        {"id": 1, "lines": [], "colour": "green"},
        [],
    ]:
        try:
            arguments(way, value)
            fits = True
        except Mismatch:
            fits = False
        assert validator.is_valid(value) == fits, value


@pytest.mark.parametrize("way", WAYS[:4], ids=lambda way: way.name)
def test_what_comes_in_can_go_out(way: Activity[..., Any]) -> None:
    order = arguments(way, ORDER)["order"]
    written = payload.decode(payload.encode(order))
    assert isinstance(written, dict)
    assert written["colour"] == "blue"
    assert written["lines"][1] == {"sku": "b-2", "count": 3}
    assert arguments(way, written)["order"] == order
    assert way.output_schema() == way.input_schema()


# --- single types --------------------------------------------------------------------------------

Sku = NewType("Sku", str)


class Priced(TypedDict, total=False):
    price: decimal.Decimal


@dataclasses.dataclass
class Node:
    name: str
    children: list[Node] = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class Range:
    low: int
    high: int

    def __post_init__(self) -> None:
        if self.low > self.high:
            raise ValueError("low is above high")


class Kind(enum.Enum):
    CARD = "card"
    CASH = "cash"


class Mode(enum.Enum):
    """Values that JSON has in another form, or takes for something else."""

    PAIR = (1, 2)
    DAY = datetime.date(2031, 5, 6)
    ON = True

    @classmethod
    def _missing_(cls, value: object) -> Mode:
        return cls[value.upper()]  # type: ignore[attr-defined]


class Payment(typing_extensions.TypedDict, total=False):
    kind: typing_extensions.Required[Literal[Kind.CARD]]
    amount: typing_extensions.ReadOnly[int]


@dataclasses.dataclass
class Short:
    id: int


@dataclasses.dataclass
class Long:
    id: int
    note: str = ""


class PydanticLong(pydantic.BaseModel):
    id: int
    text: str = pydantic.Field("", alias="note")


class StructLong(msgspec.Struct):
    id: int
    note: str = ""


ID = uuid.UUID("0193245f-7b3c-7a1e-8c55-3d2f1b2a4c5d")

FITS: list[tuple[Any, object, object]] = [
    (Any, {"x": [1]}, {"x": [1]}),
    (object, None, None),
    (None, None, None),
    (str, "a", "a"),
    (int, 3, 3),
    (int, 3.0, 3),
    (int, 2**63, 2**63),
    (float, 3, 3.0),
    (bool, True, True),
    (bytes, b"\x00\xff", b"\x00\xff"),
    (bytes, base64.b64encode(b"\x00\xff").decode(), b"\x00\xff"),
    (decimal.Decimal, "1.10", decimal.Decimal("1.10")),
    (decimal.Decimal, 1.1, decimal.Decimal("1.1")),
    (uuid.UUID, str(ID), ID),
    (datetime.date, "2031-05-06", datetime.date(2031, 5, 6)),
    (datetime.time, "07:08", datetime.time(7, 8)),
    (list, [1, "a"], [1, "a"]),
    (list[int], [1], [1]),
    (tuple[int, str], [1, "a"], (1, "a")),
    (tuple[int, ...], [1, 2], (1, 2)),
    (set[int], [1, 1], {1}),
    (frozenset[str], ["a"], frozenset("a")),
    (dict, {"a": 1}, {"a": 1}),
    (dict[str, float], {"a": 1}, {"a": 1.0}),
    (Literal["a", 1], 1, 1),
    (int | None, None, None),
    (int | str, "5", "5"),
    (float | int, 3, 3),
    (Annotated[int, "whatever"], 3, 3),
    (Sku, "a", "a"),
    (Priced, {"price": "1"}, {"price": decimal.Decimal(1)}),
    (
        Node,
        {"name": "a", "children": [{"name": "b"}]},
        Node("a", [Node("b")]),
    ),
    (dict[str, PydanticLine], {"x": {"sku": "a"}}, {"x": PydanticLine(sku="a")}),
    (list[StructLine], [{"sku": "a"}], [StructLine("a")]),
    (StructLine | None, {"sku": "a"}, StructLine("a")),
    (Literal[Kind.CARD], "card", Kind.CARD),
    (Literal[1, 2], 2.0, 2),
    (Literal[None, True], True, True),
    (Mode, [1, 2], Mode.PAIR),
    (Mode, "2031-05-06", Mode.DAY),
    (Mode, True, Mode.ON),
    (Mode, "pair", Mode.PAIR),
    (Payment, {"kind": "card", "amount": 1.0}, {"kind": Kind.CARD, "amount": 1}),
    (Short | Long, {"id": 1, "note": "a"}, Long(1, "a")),
    (Short | Long, {"id": 1, "unknown": "a"}, Short(1)),
    (Short | StructLong, {"id": 1, "note": "a"}, StructLong(1, "a")),
    (Short | PydanticLong, {"id": 1, "note": "a"}, PydanticLong(id=1, note="a")),
    (Short | dict[str, Any], {"id": 1, "note": "a"}, Short(1)),
    (Short | dict[str, Any], {"note": "a"}, {"note": "a"}),
    (datetime.datetime | datetime.date, "2031-05-06", datetime.date(2031, 5, 6)),
    (
        datetime.datetime | datetime.date,
        "2031-05-06T07:08:00",
        datetime.datetime(2031, 5, 6, 7, 8),  # noqa: DTZ001 - as it came
    ),
]


def taking(annotation: Any) -> Activity[..., Any]:
    async def take(value):  # type: ignore[no-untyped-def]
        return value

    take.__annotations__ = {"value": annotation}
    return Activity(take)


@pytest.mark.parametrize(("annotation", "value", "expected"), FITS, ids=repr)
def test_values_that_fit(annotation: Any, value: object, expected: object) -> None:
    converted = arguments(taking(annotation), value)["value"]
    assert converted == expected
    assert type(converted) is type(expected)


@pytest.mark.parametrize(
    ("annotation", "value", "text"),
    [
        (str, 3, "input: expected a string, got the number 3"),
        (int, True, "expected an integer, got the boolean true"),
        (int, 1.5, "expected an integer, got the number 1.5"),
        (int, "1", "expected an integer, got the string '1'"),
        (float, 10**400, "expected a number that fits a float"),
        (bool, 1, "expected a boolean"),
        (None, 1, "expected null"),
        (bytes, "é", "base64"),
        (decimal.Decimal, "a", "a decimal number as text"),
        (decimal.Decimal, "NaN", "a finite decimal number"),
        (uuid.UUID, "x", "expected a UUID"),
        (list[int], [1, "x"], r"input\[1\]: expected an integer"),
        (list[int], {}, r"expected an array, got \{\}"),
        (tuple[int, str], [1], "expected an array of 2, got an array of 1"),
        (set[list[int]], [[1]], "unhashable"),
        (dict[str, int], {"a b": "x"}, r"input\['a b'\]: expected an integer"),
        (Literal["a", 1], True, "expected one of 'a', 1"),
        (int | str, [], r"expected int \| str, got an array of 0"),
        (int | None, "x", "input: expected an integer"),
        (Priced, {"price": []}, r"input\.price"),
        (Node, {"name": "a", "children": [{}]}, r"input\.children\[0\]\.name: is missing"),
        (Range, {"low": 2, "high": 1}, "input: low is above high"),
        (Literal[Kind.CARD], "cash", "expected one of 'card', got the string 'cash'"),
        (Mode, 1, "expected one of"),
        (Mode, {"a": 1}, "expected one of"),
        (Payment, {"amount": 1}, r"input\.kind: is missing"),
    ],
    ids=repr,
)
def test_values_that_do_not_fit(annotation: Any, value: object, text: str) -> None:
    with pytest.raises(Mismatch, match=text):
        arguments(taking(annotation), value)


def test_a_literal_of_an_enum_is_described_by_its_value() -> None:
    assert taking(Literal[Kind.CARD]).input_schema() == {"enum": ["card"]}


def test_every_fault_is_reported_not_only_the_first() -> None:
    with pytest.raises(Mismatch) as raised:
        arguments(with_dataclass, {"lines": [{"sku": 1}], "colour": 3})
    assert [path for path, _ in raised.value.faults] == [
        "input.id",
        "input.lines[0].sku",
        "input.colour",
    ]


def test_no_parameter_ignores_the_input_and_a_default_stands_in_for_null() -> None:
    @activity
    async def nothing() -> None: ...

    @activity
    async def maybe(value: int = 5) -> None: ...

    assert arguments(nothing, {"any": "thing"}) == {}
    assert nothing.input_schema() is None
    assert arguments(maybe, None) == {}
    assert maybe.arguments(payload_pb2.Payload(), CONTEXT) == {}
    assert arguments(maybe, 3) == {"value": 3}


def test_the_context_is_handed_in_wherever_it_stands() -> None:
    assert arguments(with_parameters, ORDER)["ctx"] is CONTEXT


@pytest.mark.parametrize("data", [b"{", b"\xff", b"NaN", b"[" * 100_000], ids=repr)
def test_what_is_not_json_is_refused(data: bytes) -> None:
    for way in WAYS:
        with pytest.raises((PayloadError, Mismatch)):
            way.arguments(payload_pb2.Payload(data=data), CONTEXT)


def test_an_unknown_encoding_is_refused() -> None:
    unknown = payload_pb2.Payload(metadata={"encoding": b"protobuf"}, data=b"x")
    with pytest.raises(PayloadError, match="encoding 'protobuf' is not known"):
        with_dataclass.arguments(unknown, CONTEXT)


# --- activities that cannot be -------------------------------------------------------------------


class Plain: ...


def test_functions_that_cannot_be_activities_are_refused_when_they_are_defined() -> None:
    async def any_number(*values: int) -> None: ...
    async def unreadable(value: Plain) -> None: ...
    async def odd_keys(value: dict[int, str]) -> None: ...
    async def unresolved(value: NotThere) -> None: ...  # type: ignore[name-defined]  # noqa: F821
    async def method(self, value: int) -> None: ...  # type: ignore[no-untyped-def]

    wrong: list[tuple[Callable[..., Any], str]] = [
        (any_number, "has no name to be called by"),
        (unreadable, "activity 'unreadable': Plain cannot be read from JSON"),
        (odd_keys, "the keys of a JSON object are strings"),
        (unresolved, "cannot be resolved: name 'NotThere'"),
        (method, "is a method"),
    ]
    for function, text in wrong:
        with pytest.raises(DefinitionError, match=text):
            activity(function)
    for name in ["", "a" * 201, "a\nb", " a"]:
        with pytest.raises(DefinitionError, match="cannot be the name"):
            activity(name=name)(any_number)


async def test_an_activity_is_still_its_function() -> None:
    @activity(name="other", description="Says hello.")
    async def greet(name: str) -> str:
        """Not this."""
        return f"hello {name}"

    assert await greet("Ada") == "hello Ada"
    assert (greet.name, greet.description) == ("other", "Says hello.")
    assert with_dataclass.name == "with_dataclass"
