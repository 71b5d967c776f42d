"""What an order is: the workflow's start parameters, typed."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ORDERS_FILE = Path(__file__).with_name("orders.jsonl")

ALWAYS = 99
"""As a fault: the outside service is down for longer than any retry policy goes on."""


@dataclass(frozen=True, slots=True)
class Customer:
    """Who orders. Only firms: nobody's name is needed here."""

    name: str
    email: str


@dataclass(frozen=True, slots=True)
class Item:
    """One line of an order."""

    sku: str
    quantity: int
    unit_price_cents: int


@dataclass(frozen=True, slots=True)
class Address:
    """Where the goods go."""

    street: str
    postcode: str
    city: str
    country: str


@dataclass(frozen=True, slots=True)
class Order:
    """An order. `faults` tells the outside services how to behave: how many attempts fail, by
    activity.
    """

    order_id: str
    customer: Customer
    items: list[Item]
    total_cents: int
    card_token: str
    address: Address
    faults: dict[str, int] = field(default_factory=dict)

    def to_json(self) -> dict[str, object]:
        """The order as the workflow's input."""
        return dataclasses.asdict(self)


def from_json(value: dict[str, object]) -> Order:
    """An order from a line of an orders file."""
    fields = dict(value)
    fields["customer"] = Customer(**fields["customer"])  # type: ignore[arg-type]
    fields["items"] = [Item(**item) for item in fields["items"]]  # type: ignore[attr-defined]
    fields["address"] = Address(**fields["address"])  # type: ignore[arg-type]
    return Order(**fields)  # type: ignore[arg-type]


def read_orders(path: Path = ORDERS_FILE) -> Iterator[Order]:
    """The orders of a file, one JSON object in a line. Raises `ValueError` with the line."""
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                yield from_json(json.loads(line))
            except (TypeError, KeyError, ValueError) as error:
                raise ValueError(f"{path}:{number}: not an order: {error}") from error
