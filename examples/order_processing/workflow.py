"""The graph of `workflow.yaml`, built in Python: `treadle deploy
examples/order_processing/workflow.py`.

Beside the graph, this form carries the activities' schemas, so that the server can refuse a mapping
that does not fit before anything runs.
"""

from __future__ import annotations

from typing import Any

from examples.order_processing import activities as a
from examples.order_processing.services import (
    AddressNotServed,
    CustomerUnknown,
    MailRejected,
    OutOfStock,
    PaymentDeclined,
)
from treadle.graph import Defaults, Graph, Retry, if_else

order_processing = Graph(
    "order_processing",
    description="Process customer orders with inventory, payment, and shipping",
    defaults=Defaults(
        retry=Retry(
            max_attempts=3,
            initial="200ms",
            max="2s",
            not_on=[MailRejected, CustomerUnknown, AddressNotServed],
        ),
        start_to_close="1m",
    ),
)


def declare_parameters(graph: Graph) -> None:
    graph.param("order_id", str, min_length=1)
    graph.param("customer", dict)
    graph.param("items", list)
    graph.param("total_cents", int)
    graph.param("card_token", str)
    graph.param("address", dict)
    graph.param("faults", dict, default={}, description="How many attempts fail, by activity")


def add_normal_flow(graph: Graph) -> None:
    graph.node("validate_order", a.validate_order, retry=Retry(max_attempts=1))
    graph.node(
        "reserve_inventory",
        a.reserve_inventory,
        input=lambda params: {
            "order_id": params.order_id,
            "items": params["items"],
            "faults": params.faults,
        },
        retry=Retry(max_attempts=4, initial="200ms", not_on=[OutOfStock]),
        start_to_close="10s",
    )
    graph.node(
        "charge_payment",
        a.charge_payment,
        input=lambda params: {
            "order_id": params.order_id,
            "card_token": params.card_token,
            "amount_cents": params.total_cents,
            "faults": params.faults,
        },
        retry=Retry(max_attempts=3, initial="200ms", not_on=[PaymentDeclined]),
        start_to_close="30s",
    )
    graph.node(
        "create_shipping_label",
        a.create_shipping_label,
        input=lambda params: {
            "order_id": params.order_id,
            "address": params.address,
            "faults": params.faults,
        },
    )
    graph.node(
        "send_confirmation_email",
        a.send_confirmation_email,
        input=lambda params: {
            "order_id": params.order_id,
            "to": params.customer.email,
            "faults": params.faults,
        },
        default_output={"sent": False},
        on_failure="continue",
    )
    graph.node(
        "update_crm",
        a.update_crm,
        input=lambda params: {
            "order_id": params.order_id,
            "customer": params.customer.name,
            "faults": params.faults,
        },
        default_output={"updated": False},
        on_failure="continue",
    )
    graph.edge("validate_order", "reserve_inventory")
    graph.edge("reserve_inventory", "charge_payment")
    for branch in ("create_shipping_label", "send_confirmation_email", "update_crm"):
        graph.edge("charge_payment", branch)


def add_undo(graph: Graph) -> None:
    graph.node(
        "refund_payment",
        a.refund_payment,
        input=lambda params, charge_payment: {
            "order_id": params.order_id,
            "payment_id": charge_payment.payment_id,
            "amount_cents": charge_payment.amount_cents,
            "faults": params.faults,
        },
        retry=Retry(max_attempts=10, initial="200ms", max="5s"),
    )
    graph.node(
        "release_inventory",
        a.release_inventory,
        input=lambda params, reserve_inventory: {
            "order_id": params.order_id,
            "reservation_id": reserve_inventory.reservation_id,
            "faults": params.faults,
        },
        retry=Retry(max_attempts=10, initial="200ms", max="5s"),
    )
    graph.error_edge("charge_payment", "release_inventory")
    graph.error_edge("create_shipping_label", "refund_payment")
    graph.edge("refund_payment", "release_inventory")


def add_notice(graph: Graph) -> None:
    def notice(params: Any, failures: Any, what: str, node: str) -> dict[str, object]:
        return {
            "order_id": params.order_id,
            "to": params.customer.email,
            "reason": f"{what} failed: " + failures[node].message,
            "faults": params.faults,
        }

    graph.node(
        "notify_customer_failure",
        a.notify_customer_failure,
        retry=Retry(max_attempts=5, initial="200ms", max="2s"),
        on_failure="continue",
    )
    graph.edge(
        "release_inventory",
        "notify_customer_failure",
        when=lambda failures: failures.has("charge_payment"),
        map=lambda params, failures: notice(params, failures, "Payment", "charge_payment"),
    )
    graph.edge(
        "release_inventory",
        "notify_customer_failure",
        when=lambda failures: failures.has("create_shipping_label"),
        map=lambda params, failures: notice(params, failures, "Shipping", "create_shipping_label"),
    )


def add_end(graph: Graph) -> None:
    graph.fail(
        "order_failed",
        kind="OrderFailed",
        message=lambda params, failures: (
            "order "
            + params.order_id
            + " was undone, because "
            + if_else(
                failures.has("charge_payment"),
                "the payment failed: " + failures.charge_payment.message,
                "shipping failed: " + failures.create_shipping_label.message,
            )
        ),
    )
    graph.edge("notify_customer_failure", "order_failed")
    # Never taken, but waited for, so that neither is cancelled while it is tried again.
    graph.edge("send_confirmation_email", "order_failed", when="false")
    graph.edge("update_crm", "order_failed", when="false")
    graph.output(
        lambda params, create_shipping_label, send_confirmation_email, update_crm: {
            "order_id": params.order_id,
            "tracking_number": create_shipping_label.tracking_number,
            "confirmation_sent": send_confirmation_email.sent,
            "crm_updated": update_crm.updated,
        }
    )


for add in (declare_parameters, add_normal_flow, add_undo, add_notice, add_end):
    add(order_processing)
