"""How each order must end, told from the order alone: the yardstick for the demo and the tests.

Nothing of the workflow's document or of a history is read here; that the limits below are those of
the document is tested.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from examples.order_processing.orders import Order
from examples.order_processing.services import SERVED_COUNTRIES, SOLD_OUT

MAX_ATTEMPTS = {
    "validate_order": 1,
    "reserve_inventory": 4,
    "charge_payment": 3,
    "create_shipping_label": 3,
    "send_confirmation_email": 3,
    "update_crm": 3,
    "refund_payment": 10,
    "release_inventory": 10,
    "notify_customer_failure": 5,
}
"""Attempts in all, by activity, in the order of the graph."""

UNAVAILABLE = "ServiceUnavailable"


class Ending(enum.StrEnum):
    """How an order ends, for people."""

    SHIPPED = "shipped"
    SHIPPED_WITHOUT_MAIL = "shipped, no mail"
    SHIPPED_WITHOUT_CRM = "shipped, no CRM entry"
    SHIPPED_SILENTLY = "shipped, no mail, no CRM entry"
    INVALID = "refused as invalid"
    NOT_RESERVED = "not reserved"
    PAYMENT_FAILED = "payment failed, undone"
    SHIPPING_FAILED = "shipping failed, refunded, undone"


@dataclass(slots=True)
class Expected:
    """What must become of one order."""

    ending: Ending
    failure_kind: str = ""
    """The kind of failure that the run ends with; empty: it completes."""
    attempts: dict[str, int] = field(default_factory=dict)
    """By activity, in the order of the graph; what does not run is not in it."""
    effects: dict[str, int] = field(default_factory=dict)
    """What the outside services did: counts, and for payments cents (`services.Ledger.effects`)."""
    output: dict[str, object] | None = None
    """The run's output, if it completes."""


def expected(order: Order) -> Expected:
    """How the order must end, how often each activity must be tried, and what must remain."""
    walk = _Walk(order)
    if not walk.succeeds("validate_order", "InvalidOrder" if _is_invalid(order) else ""):
        return walk.end(Ending.INVALID, walk.failure)
    sold_out = any(item.sku in SOLD_OUT for item in order.items)
    if not walk.succeeds("reserve_inventory", "OutOfStock" if sold_out else ""):
        return walk.end(Ending.NOT_RESERVED, walk.failure)
    walk.effects["inventory.reserve"] = 1
    declined = order.card_token.startswith("declined")
    if not walk.succeeds("charge_payment", "PaymentDeclined" if declined else ""):
        walk.undo(refund=False)
        return walk.end(Ending.PAYMENT_FAILED, "OrderFailed")
    walk.effects["payment.charge"] = order.total_cents

    not_served = order.address.country not in SERVED_COUNTRIES
    labelled = walk.succeeds("create_shipping_label", "AddressNotServed" if not_served else "")
    bounces = "@bounce." in order.customer.email
    mailed = walk.succeeds("send_confirmation_email", "MailRejected" if bounces else "")
    unlisted = order.customer.name.startswith("Unlisted")
    noted = walk.succeeds("update_crm", "CustomerUnknown" if unlisted else "")
    if mailed:
        walk.effects["mail.confirmation"] = 1
    if noted:
        walk.effects["crm.update"] = 1
    if not labelled:
        walk.effects["payment.refund"] = order.total_cents
        walk.undo(refund=True)
        return walk.end(Ending.SHIPPING_FAILED, "OrderFailed")
    walk.effects["carrier.label"] = 1
    result = walk.end(_SHIPPED[mailed, noted], "")
    result.output = {
        "order_id": order.order_id,
        "tracking_number": f"T-{order.order_id}",
        "confirmation_sent": mailed,
        "crm_updated": noted,
    }
    return result


_SHIPPED = {
    (True, True): Ending.SHIPPED,
    (False, True): Ending.SHIPPED_WITHOUT_MAIL,
    (True, False): Ending.SHIPPED_WITHOUT_CRM,
    (False, False): Ending.SHIPPED_SILENTLY,
}


class _Walk:
    """One order on its way through the graph."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.attempts: dict[str, int] = {}
        self.effects: dict[str, int] = {}
        self.failure = ""

    def succeeds(self, activity: str, refusal: str = "") -> bool:
        """Runs an activity: first its service is down, then it refuses (a kind) or does it."""
        limit = MAX_ATTEMPTS[activity]
        faults = self.order.faults.get(activity, 0)
        if faults >= limit:
            self.attempts[activity] = limit
            self.failure = UNAVAILABLE
            return False
        self.attempts[activity] = faults + 1
        self.failure = refusal
        return not refusal

    def undo(self, *, refund: bool) -> None:
        """The way back, which must succeed; only the notice may fail."""
        for activity in ["refund_payment"] if refund else []:
            assert self.succeeds(activity), "these orders do not lose money"
        assert self.succeeds("release_inventory"), "these orders do not lose goods"
        self.effects["inventory.release"] = 1
        if self.succeeds("notify_customer_failure"):
            self.effects["mail.failure_notice"] = 1

    def end(self, ending: Ending, failure_kind: str) -> Expected:
        ordered = {name: self.attempts[name] for name in MAX_ATTEMPTS if name in self.attempts}
        return Expected(ending, failure_kind, ordered, self.effects)


def _is_invalid(order: Order) -> bool:
    total = sum(item.quantity * item.unit_price_cents for item in order.items)
    return (
        not order.items
        or any(item.quantity < 1 for item in order.items)
        or order.total_cents != total
        or "@" not in order.customer.email
    )
