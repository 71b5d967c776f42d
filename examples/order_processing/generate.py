"""Makes `orders.jsonl`: 500 orders, always the same ones. `python -m
examples.order_processing.generate`.

Most are fine. At each place some fail for good, because of what they say (a sold-out article, a
declined card, a country nobody delivers to) or because a service is down; and some fail only twice
before they succeed. A few fail at several places.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator

from examples.order_processing.orders import ALWAYS, ORDERS_FILE, Address, Customer, Item, Order
from examples.order_processing.services import CATALOGUE, SOLD_OUT

COUNT = 500
SEED = 20

_PLACES = """Riverside, Old Mill, Harbour, Meadow, Station, Lighthouse, Orchard, Market Square,
    Hilltop, Canal, Garden Gate, Northside, Willow, Quarry, Bridge End, Seaview, Clocktower,
    Chapel Lane, Foundry, Copper"""
_TRADES = """Bakery, Books, Pottery, Bicycles, Flowers, Coffee, Hardware, Records, Cheese, Framing,
    Printing, Yarns, Toys, Instruments, Tea, Cameras, Stationery, Tailoring, Cobblers,
    Museum Shop"""
_STREETS = "Mill Lane, High Street, Station Road, Harbour Quay, Church Walk, Orchard Way"
_TOWNS = {
    "DE": ["Leipzig", "Bremen", "Kassel"],
    "FR": ["Nantes", "Dijon", "Lille"],
    "NL": ["Utrecht", "Leiden"],
    "PT": ["Porto", "Braga"],
    "SE": ["Malmö", "Uppsala"],
}

# What happens to how many orders: faults by activity, or what the order itself says.
FAULTS: list[tuple[int, dict[str, int]]] = [
    (25, {"reserve_inventory": 1}),
    (15, {"reserve_inventory": 3}),
    (8, {"reserve_inventory": ALWAYS}),
    (20, {"charge_payment": 1}),
    (30, {"charge_payment": 2}),
    (10, {"charge_payment": ALWAYS}),
    (20, {"create_shipping_label": 2}),
    (8, {"create_shipping_label": ALWAYS}),
    (15, {"send_confirmation_email": 2}),
    (8, {"send_confirmation_email": ALWAYS}),
    (15, {"update_crm": 2}),
    (10, {"update_crm": ALWAYS}),
    (5, {"create_shipping_label": ALWAYS, "refund_payment": 2}),
    (5, {"charge_payment": ALWAYS, "release_inventory": 2}),
    (4, {"create_shipping_label": ALWAYS, "send_confirmation_email": 2, "update_crm": ALWAYS}),
    (3, {"send_confirmation_email": ALWAYS, "update_crm": ALWAYS}),
    (3, {"charge_payment": ALWAYS, "notify_customer_failure": 2}),
    (2, {"create_shipping_label": ALWAYS, "notify_customer_failure": ALWAYS}),
    (4, {"reserve_inventory": 2, "charge_payment": 2, "create_shipping_label": 2}),
]
REFUSALS: list[tuple[int, str]] = [
    (5, "no items"),
    (5, "no quantity"),
    (5, "wrong total"),
    (5, "no mail address"),
    (15, "sold out"),
    (20, "declined"),
    (15, "undeliverable"),
    (8, "bounces"),
    (6, "crm refuses"),
    (4, "declined after an outage"),
]


def orders() -> Iterator[Order]:
    """The orders, in the file's order."""
    chance = random.Random(SEED)
    troubles: list[dict[str, int] | str] = []
    for count, faults in FAULTS:
        troubles += [faults] * count
    for count, refusal in REFUSALS:
        troubles += [refusal] * count
    troubles += [{}] * (COUNT - len(troubles))
    chance.shuffle(troubles)
    for number, trouble in enumerate(troubles, start=1):
        yield _order(number, trouble, chance)


def _order(number: int, trouble: dict[str, int] | str, chance: random.Random) -> Order:
    place, trade = chance.choice(_words(_PLACES)), chance.choice(_words(_TRADES))
    skus = chance.sample([sku for sku in CATALOGUE if sku not in SOLD_OUT], chance.randint(1, 4))
    items = [Item(sku, chance.randint(1, 5), CATALOGUE[sku]) for sku in skus]
    country = chance.choice(list(_TOWNS))
    refusal = trouble if isinstance(trouble, str) else ""
    faults = dict(trouble) if isinstance(trouble, dict) else {}
    domain = f"{place}-{trade}.example".lower().replace(" ", "-")
    email, token = f"orders@{domain}", f"card-{chance.randrange(16**8):08x}"
    if refusal == "sold out":
        items.append(Item(min(SOLD_OUT), 1, CATALOGUE[min(SOLD_OUT)]))
    total = sum(item.quantity * item.unit_price_cents for item in items)
    match refusal:
        case "no items":
            items, total = [], 0
        case "no quantity":
            items[0] = Item(items[0].sku, 0, items[0].unit_price_cents)
        case "wrong total":
            total += 100
        case "no mail address":
            email = domain
        case "declined" | "declined after an outage":
            token = token.replace("card-", "declined-")
            faults = {"charge_payment": 1} if "outage" in refusal else {}
        case "undeliverable":
            country = "AQ"
        case "bounces":
            email = f"nobody@bounce.{domain}"
        case "crm refuses":
            place = "Unlisted"
    return Order(
        order_id=f"O-{number:04}",
        customer=Customer(f"{place} {trade}", email),
        items=items,
        total_cents=total,
        card_token=token,
        address=Address(
            street=f"{chance.randint(1, 120)} {chance.choice(_words(_STREETS))}",
            postcode=f"{chance.randint(10_000, 99_999)}",
            city=chance.choice(_TOWNS.get(country, ["Halley"])),
            country=country,
        ),
        faults=faults,
    )


def _words(text: str) -> list[str]:
    return [" ".join(part.split()) for part in text.split(",")]


def main() -> None:
    lines = [json.dumps(order.to_json(), ensure_ascii=False) + "\n" for order in orders()]
    ORDERS_FILE.write_text("".join(lines), encoding="utf-8")
    print(f"{len(lines)} orders written to {ORDERS_FILE}")


if __name__ == "__main__":
    main()
