"""What became of each order: read from its run's history and from the ledger, held against
`expected`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field

from examples.order_processing.expected import MAX_ATTEMPTS, Expected
from treadle.v1 import event_pb2


@dataclass(slots=True)
class Outcome:
    """What a run's history says."""

    run_id: str
    state: str = "running"
    """completed, failed, cancelled, timed_out, terminated; running while it is."""
    failure_kind: str = ""
    failure_message: str = ""
    output: object = None
    attempts: dict[str, int] = field(default_factory=dict)
    """By activity: the attempts its retry policy counted."""
    begun: dict[str, int] = field(default_factory=dict)
    """By activity: attempts handed to a worker, those that were lost with it included."""
    repeated: list[str] = field(default_factory=list)
    """Activities that were handed out again after their result was accepted: must be empty."""


def read_outcome(run_id: str, events: Iterable[event_pb2.Event]) -> Outcome:
    """What the history of one run says."""
    outcome = Outcome(run_id)
    closed: set[str] = set()
    for event in events:
        kind = event.WhichOneof("kind") or ""
        if kind == "attempt_started":
            key = event.attempt_started.key
            outcome.begun[key] = outcome.begun.get(key, 0) + 1
            if key in closed:
                outcome.repeated.append(key)
        elif kind in ("activity_completed", "activity_failed", "activity_cancelled"):
            ended = getattr(event, kind)
            outcome.attempts[ended.key] = ended.attempt
            closed.add(ended.key)
        elif kind == "run_completed":
            outcome.state = "completed"
            outcome.output = json.loads(event.run_completed.output.data or b"null")
        elif kind == "run_failed":
            failure = event.run_failed.failure
            outcome.state = "failed"
            outcome.failure_kind, outcome.failure_message = failure.kind, failure.message
        elif kind in ("run_cancelled", "run_timed_out", "run_terminated"):
            outcome.state = kind.removeprefix("run_")
    outcome.attempts = {name: outcome.attempts[name] for name in MAX_ATTEMPTS if name in closed}
    return outcome


def differences(
    outcome: Outcome, wanted: Expected, effects: dict[str, int], calls: dict[str, int]
) -> list[str]:
    """How a run differs from what it must be; empty: in nothing.

    Args:
        outcome: from the history.
        wanted: from the order.
        effects: what the ledger has for the order.
        calls: by activity, how often its function was called for the run.
    """
    found = []
    state = "failed" if wanted.failure_kind else "completed"
    for what, is_, must in (
        ("state", outcome.state, state),
        ("failure", outcome.failure_kind, wanted.failure_kind),
        ("attempts", outcome.attempts, wanted.attempts),
        ("output", outcome.output, wanted.output),
        ("effects outside", effects, wanted.effects),
    ):
        if is_ != must:
            found.append(f"{what}: {is_!r} instead of {must!r}")
    for activity in outcome.repeated:
        found.append(f"{activity} began again after its result was accepted")
    for activity, count in calls.items():
        # A call without a journaled attempt is work that nobody asked for.
        if count > outcome.begun.get(activity, 0):
            begun = outcome.begun.get(activity, 0)
            found.append(f"{activity} was called {count} times in {begun} attempts")
    return found
