"""Small fakes of outside services: inventory, payment, carrier, mail, CRM.

They keep what they did in one SQLite file, the ledger, which outlives the workers' processes, and
they know idempotency keys: asked twice with the same key they have one effect and give one answer.
What they refuse, they refuse because of what they are asked. None talks to the outside.

Outages are no property of the services here: an order says how many attempts of an activity find
its service down (`activities`).
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from examples.order_processing.orders import Address, Item
from treadle import ApplicationError

LEDGER_VARIABLE = "ORDER_LEDGER"
"""The environment variable that says where the ledger is; `ledger.db` in the working folder without
it."""

CATALOGUE = {
    "TEA-GREEN-100": 590,
    "TEA-BLACK-250": 890,
    "MUG-STONEWARE": 1450,
    "LAMP-DESK-BRASS": 7900,
    "NOTEBOOK-A5": 480,
    "INK-BLUE-50": 1190,
    "RUG-WOOL-140": 18900,
    "CHAIR-OAK": 24900,
    "SCARF-MERINO": 5600,
    "KETTLE-ENAMEL": 4300,
    "GLOBE-ANTIQUE": 12900,
}
"""Articles, and their prices in cents."""

SOLD_OUT = {"GLOBE-ANTIQUE"}
SERVED_COUNTRIES = {"DE", "FR", "NL", "PT", "SE"}


class OutOfStock(ApplicationError):
    """The inventory has not enough of an article."""


class PaymentDeclined(ApplicationError):
    """The bank says no."""


class AddressNotServed(ApplicationError):
    """The carrier does not go there."""


class MailRejected(ApplicationError):
    """The mailbox does not exist."""


class CustomerUnknown(ApplicationError):
    """The CRM has no such customer."""


@dataclass(frozen=True, slots=True)
class Effect:
    """Something a service did, once."""

    service: str
    operation: str
    order_id: str
    amount_cents: int
    result: dict[str, object]


class Ledger:
    """What the services did, in a file that several processes write to. Safe for threads."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(
            path, timeout=30, isolation_level=None, check_same_thread=False
        )
        self._begin_write_ahead_log()
        # A fake may forget its last effects when the power fails; it survives kill -9.
        for statement in (
            "PRAGMA synchronous = OFF",
            "CREATE TABLE IF NOT EXISTS effects (idempotency_key TEXT PRIMARY KEY, service TEXT, "
            "operation TEXT, order_id TEXT, amount_cents INTEGER, result TEXT, at REAL) STRICT",
            "CREATE TABLE IF NOT EXISTS calls (run_id TEXT, activity TEXT, attempt INTEGER, "
            "pid INTEGER, at REAL) STRICT",
        ):
            self._connection.execute(statement)

    def _begin_write_ahead_log(self) -> None:
        # Two workers that begin at once both want to; SQLite refuses one of them without waiting.
        give_up_at = time.monotonic() + 30
        while True:
            try:
                self._connection.execute("PRAGMA journal_mode = WAL")
                return
            except sqlite3.OperationalError:
                if time.monotonic() > give_up_at:
                    raise
                time.sleep(0.02)

    def close(self) -> None:
        """Closes the file."""
        self._connection.close()

    def note_call(self, run_id: str, activity: str, attempt: int) -> None:
        """Notes that an activity's function was called, before anything else happens."""
        with self._lock:
            self._connection.execute(
                "INSERT INTO calls VALUES (?, ?, ?, ?, ?)",
                (run_id, activity, attempt, os.getpid(), time.time()),
            )

    def once(self, key: str, effect: Effect) -> dict[str, object]:
        """Has the effect unless one with this key is there already; gives that one's result."""
        with self._lock:
            self._connection.execute(
                "INSERT INTO effects VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (
                    key,
                    effect.service,
                    effect.operation,
                    effect.order_id,
                    effect.amount_cents,
                    json.dumps(effect.result),
                    time.time(),
                ),
            )
            row = self._connection.execute(
                "SELECT result FROM effects WHERE idempotency_key = ?", (key,)
            ).fetchone()
        kept: dict[str, object] = json.loads(row[0])
        return kept

    def effects(self) -> dict[str, dict[str, int]]:
        """By order: what was done to it (`inventory.reserve`, ...), and how often or how many
        cents.

        Payment operations are summed in cents, the others counted.
        """
        rows = self._connection.execute(
            "SELECT order_id, service || '.' || operation, "
            "CASE service WHEN 'payment' THEN sum(amount_cents) ELSE count(*) END "
            "FROM effects GROUP BY 1, 2"
        )
        found: dict[str, dict[str, int]] = {}
        for order_id, operation, amount in rows:
            found.setdefault(order_id, {})[operation] = amount
        return found

    def calls(self) -> dict[tuple[str, str], int]:
        """By run and activity: how often its function was called."""
        rows = self._connection.execute(
            "SELECT run_id, activity, count(*) FROM calls GROUP BY 1, 2"
        )
        return {(run_id, activity): count for run_id, activity, count in rows}


class Services:
    """All outside services, over one ledger. Every call takes an idempotency key."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger

    def reserve(self, key: str, order_id: str, items: list[Item]) -> str:
        """Sets goods aside; gives the reservation's id. Raises `OutOfStock`."""
        for item in items:
            if item.sku in SOLD_OUT:
                raise OutOfStock(f"{item.sku} is sold out", details={"sku": item.sku})
        return self._do(key, "inventory", "reserve", order_id, number="R")

    def release(self, key: str, order_id: str, reservation_id: str) -> None:
        """Gives reserved goods back."""
        self._do(key, "inventory", "release", order_id, number=reservation_id)

    def charge(self, key: str, order_id: str, card_token: str, amount_cents: int) -> str:
        """Takes money; gives the payment's id. Raises `PaymentDeclined`."""
        if card_token.startswith("declined"):
            raise PaymentDeclined("the card was declined", details={"code": "insufficient_funds"})
        return self._do(key, "payment", "charge", order_id, amount_cents, number="P")

    def refund(self, key: str, order_id: str, payment_id: str, amount_cents: int) -> None:
        """Gives money back."""
        self._do(key, "payment", "refund", order_id, amount_cents, number=payment_id)

    def label(self, key: str, order_id: str, address: Address) -> str:
        """Buys a shipping label; gives the tracking number. Raises `AddressNotServed`."""
        if address.country not in SERVED_COUNTRIES:
            raise AddressNotServed(
                f"no carrier goes to {address.country}", details={"country": address.country}
            )
        return self._do(key, "carrier", "label", order_id, number="T")

    def mail(self, key: str, order_id: str, to: str, kind: str) -> None:
        """Sends a mail. Raises `MailRejected`."""
        if "@bounce." in to and kind == "confirmation":
            raise MailRejected(f"there is no mailbox {to}")
        self._do(key, "mail", kind, order_id, number="M")

    def update_crm(self, key: str, order_id: str, customer: str) -> None:
        """Notes the order with the customer. Raises `CustomerUnknown`."""
        if customer.startswith("Unlisted"):
            raise CustomerUnknown(f"the CRM has no customer {customer!r}")
        self._do(key, "crm", "update", order_id, number="C")

    def _do(
        self,
        key: str,
        service: str,
        operation: str,
        order_id: str,
        amount_cents: int = 0,
        *,
        number: str,
    ) -> str:
        answer = {"number": f"{number}-{order_id}"}
        effect = Effect(service, operation, order_id, amount_cents, dict(answer))
        return str(self.ledger.once(key, effect)["number"])


@contextlib.contextmanager
def open_services() -> Iterator[Services]:
    """The services, opened once per worker and closed when it has drained."""
    ledger = Ledger(Path(os.environ.get(LEDGER_VARIABLE, "ledger.db")))
    try:
        yield Services(ledger)
    finally:
        ledger.close()
