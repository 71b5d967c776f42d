"""What workers run: `treadle worker examples.order_processing.activities`.

Each activity takes one typed value, checked before the function is called, and asks an outside
service with the attempt's idempotency key, so that an attempt that is repeated after a crash has no
second effect. `resources` are opened once per worker.

Each begins at `_reach`, where the outside world is as reliable as the order says it is.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from examples.order_processing.orders import Address, Item, Order
from examples.order_processing.services import Services, open_services
from treadle import ApplicationError, Context, activity

resources = {"services": open_services}
"""What the worker opens for these activities, by name."""


class ServiceUnavailable(ApplicationError):
    """An outside service is down; trying again may help."""


class InvalidOrder(ApplicationError):
    """The order cannot be meant; `details` lists what is wrong."""


Faults = dict[str, int]
"""How many attempts find their service down, by activity."""


@dataclass(frozen=True, slots=True)
class ValidatedOrder:
    """What is known about an order once it is checked."""

    order_id: str
    item_count: int


@dataclass(frozen=True, slots=True)
class ReservationRequest:
    """Goods to set aside."""

    order_id: str
    items: list[Item]
    faults: Faults = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reservation:
    """Goods that are set aside."""

    reservation_id: str


@dataclass(frozen=True, slots=True)
class ChargeRequest:
    """Money to take."""

    order_id: str
    card_token: str
    amount_cents: int
    faults: Faults = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Payment:
    """Money that was taken."""

    payment_id: str
    amount_cents: int


@dataclass(frozen=True, slots=True)
class LabelRequest:
    """A parcel to send."""

    order_id: str
    address: Address
    faults: Faults = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Label:
    """A shipping label."""

    tracking_number: str


@dataclass(frozen=True, slots=True)
class ConfirmationRequest:
    """A mail to send: the order is on its way."""

    order_id: str
    to: str
    faults: Faults = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sent:
    """Whether a mail was sent."""

    sent: bool


@dataclass(frozen=True, slots=True)
class CustomerUpdate:
    """An order to note with its customer."""

    order_id: str
    customer: str
    faults: Faults = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Updated:
    """Whether the CRM knows."""

    updated: bool


@dataclass(frozen=True, slots=True)
class ReleaseRequest:
    """Goods to give back."""

    order_id: str
    reservation_id: str
    faults: Faults = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RefundRequest:
    """Money to give back."""

    order_id: str
    payment_id: str
    amount_cents: int
    faults: Faults = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Notice:
    """A mail to send: the order failed, and why."""

    order_id: str
    to: str
    reason: str
    faults: Faults = field(default_factory=dict)


@activity
def validate_order(order: Order, ctx: Context) -> ValidatedOrder:
    """Checks that the order can be meant."""
    _reach(ctx, order.faults)
    problems = []
    if not order.items:
        problems.append("there is nothing in it")
    problems += [f"{item.sku}: no quantity" for item in order.items if item.quantity < 1]
    expected = sum(item.quantity * item.unit_price_cents for item in order.items)
    if order.total_cents != expected:
        problems.append(f"the total is {order.total_cents}, the items make {expected}")
    if "@" not in order.customer.email:
        problems.append(f"{order.customer.email!r} is no mail address")
    if problems:
        raise InvalidOrder("; ".join(problems), details=problems, non_retryable=True)
    return ValidatedOrder(order.order_id, sum(item.quantity for item in order.items))


@activity
def reserve_inventory(request: ReservationRequest, ctx: Context) -> Reservation:
    """Sets the goods aside."""
    services = _reach(ctx, request.faults)
    reserved = services.reserve(ctx.idempotency_key, request.order_id, request.items)
    return Reservation(reserved)


@activity
def charge_payment(request: ChargeRequest, ctx: Context) -> Payment:
    """Takes the money."""
    services = _reach(ctx, request.faults)
    payment_id = services.charge(
        ctx.idempotency_key, request.order_id, request.card_token, request.amount_cents
    )
    return Payment(payment_id, request.amount_cents)


@activity
def create_shipping_label(request: LabelRequest, ctx: Context) -> Label:
    """Buys the label for the parcel."""
    services = _reach(ctx, request.faults)
    return Label(services.label(ctx.idempotency_key, request.order_id, request.address))


@activity
def send_confirmation_email(request: ConfirmationRequest, ctx: Context) -> Sent:
    """Tells the customer that the order is accepted."""
    services = _reach(ctx, request.faults)
    services.mail(ctx.idempotency_key, request.order_id, request.to, "confirmation")
    return Sent(True)


@activity
def update_crm(request: CustomerUpdate, ctx: Context) -> Updated:
    """Notes the order with the customer."""
    services = _reach(ctx, request.faults)
    services.update_crm(ctx.idempotency_key, request.order_id, request.customer)
    return Updated(True)


@activity
def release_inventory(request: ReleaseRequest, ctx: Context) -> None:
    """Undoes `reserve_inventory`."""
    services = _reach(ctx, request.faults)
    services.release(ctx.idempotency_key, request.order_id, request.reservation_id)


@activity
def refund_payment(request: RefundRequest, ctx: Context) -> None:
    """Undoes `charge_payment`."""
    services = _reach(ctx, request.faults)
    services.refund(ctx.idempotency_key, request.order_id, request.payment_id, request.amount_cents)


@activity
def notify_customer_failure(notice: Notice, ctx: Context) -> Sent:
    """Tells the customer that the order failed, and why."""
    services = _reach(ctx, notice.faults)
    services.mail(ctx.idempotency_key, notice.order_id, notice.to, "failure_notice")
    ctx.log.info("told %s: %s", notice.to, notice.reason)
    return Sent(True)


def _reach(ctx: Context, faults: Faults) -> Services:
    """The services, if this attempt finds them up. Raises `ServiceUnavailable`."""
    services: Services = ctx.resources["services"]
    services.ledger.note_call(ctx.run_id, ctx.activity_type, ctx.attempt)
    if ctx.attempt <= faults.get(ctx.activity_type, 0):
        raise ServiceUnavailable(f"the service behind {ctx.activity_type} does not answer")
    return services
