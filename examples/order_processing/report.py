"""The end of the demo: how orders ended, how often each activity ran, and how to look closer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from examples.local_service import LocalService
from examples.order_processing.demo import Result
from examples.order_processing.display import Display
from examples.order_processing.expected import MAX_ATTEMPTS, Ending

SHORT = {
    "validate_order": "validate",
    "reserve_inventory": "reserve",
    "charge_payment": "charge",
    "create_shipping_label": "label",
    "send_confirmation_email": "mail",
    "update_crm": "crm",
    "refund_payment": "refund",
    "release_inventory": "release",
    "notify_customer_failure": "notify",
}
"""Headings of columns."""

SHOWN_PER_ENDING = 2
"""Orders of each ending that are listed without `--all`."""


def show_orders(display: Display, results: Sequence[Result], *, everything: bool) -> None:
    """Each order: how it ended, and how many attempts of each activity were counted."""
    shown = list(results) if everything else list(_some(results))
    rows = [
        [
            result.order.order_id,
            result.outcome.state.upper(),
            str(result.wanted.ending) if not result.differences else "NOT AS EXPECTED",
            *(result.outcome.attempts.get(activity, "") or "" for activity in MAX_ATTEMPTS),
            result.outcome.failure_message[:60],
        ]
        for result in shown
    ]
    title = f"{len(shown)} of {len(results)} orders, and how often each activity ran"
    if not everything:
        title += " (--all lists them all)"
    display.table(title, ["order", "run", "how it ended", *SHORT.values(), "failure"], rows)


def show_endings(display: Display, results: Sequence[Result]) -> None:
    """How many orders ended in which way, and the attempts they took together."""
    rows = []
    for ending in Ending:
        those = [result for result in results if result.wanted.ending is ending]
        if not those:
            continue
        as_expected = sum(1 for result in those if not result.differences)
        sums = [_attempts(those, activity) or "" for activity in MAX_ATTEMPTS]
        rows.append([str(ending), len(those), as_expected, *sums])
    total = [_attempts(results, activity) for activity in MAX_ATTEMPTS]
    right = sum(1 for result in results if not result.differences)
    rows.append(["all", len(results), right, *total])
    columns = ["how they ended", "orders", "as expected", *SHORT.values()]
    display.table("Endings, and how often each activity ran", columns, rows)


def show_books(
    display: Display, results: Iterable[Result], effects: dict[str, dict[str, int]]
) -> None:
    """The money: charged, refunded, and what is left must be that of the orders that shipped."""
    shipped = sum(r.order.total_cents for r in results if r.outcome.state == "completed")
    charged = sum(of.get("payment.charge", 0) for of in effects.values())
    refunded = sum(of.get("payment.refund", 0) for of in effects.values())
    verdict = "the books balance" if charged - refunded == shipped else "THE BOOKS DO NOT BALANCE"
    display.say(
        f"charged {_money(charged)}, refunded {_money(refunded)}, "
        f"shipped goods for {_money(shipped)}: {verdict}"
    )


def show_differences(display: Display, results: Iterable[Result]) -> None:
    """What is not as it must be."""
    for result in results:
        for difference in result.differences:
            display.warn(f"{result.order.order_id} (run {result.outcome.run_id}): {difference}")


def show_how_to_look(
    display: Display, results: Sequence[Result], service: LocalService, *, kept: bool
) -> None:
    """Commands to paste: one run, its history, its trace."""
    example = max(results, key=lambda r: (len(r.outcome.attempts), sum(r.outcome.begun.values())))
    run_id = example.outcome.run_id
    treadle = _relative(Path(service.server.command[0]))
    display.say(
        f"look at one of them: {example.order.order_id}, {example.wanted.ending}, run {run_id}"
    )
    if not kept:
        print("    # the server is stopped; this one serves the same journal (`--keep` keeps it)")
        print(f"    {treadle} server --address {service.address} --data-dir {service.data_dir} &")
    print(f"    export TREADLE_ADDRESS={service.address}")
    print(f"    {treadle} runs get {run_id}")
    print(f"    {treadle} runs history {run_id}")
    print(f"    {treadle} runs list --state failed")
    print("    # its trace: with a Jaeger on this machine (`make tools` has one), run the demo as")
    print("    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://127.0.0.1:4317 make demo ARGS=--keep")
    print(f"    # and open http://127.0.0.1:16686/trace/{run_id.replace('-', '')}")
    print(f"    # logs, journal and the ledger of the outside services: {service.folder}")


def _some(results: Sequence[Result]) -> list[Result]:
    shown: list[Result] = [result for result in results if result.differences][:20]
    for ending in Ending:
        those = [r for r in results if r.wanted.ending is ending and r not in shown]
        # Those that took most attempts have most to show.
        those.sort(key=lambda r: -sum(r.outcome.attempts.values()))
        shown += those[:SHOWN_PER_ENDING]
    return shown


def _attempts(results: Iterable[Result], activity: str) -> int:
    return sum(result.outcome.attempts.get(activity, 0) for result in results)


def _money(cents: int) -> str:
    return f"{cents // 100:,}.{cents % 100:02} EUR"


def _relative(path: Path) -> Path:
    try:
        return path.relative_to(Path.cwd())
    except ValueError:
        return path
