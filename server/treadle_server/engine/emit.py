"""What a turn has to do, and how an event gets into it: folded, and noted with what follows.

The order is fixed: `events` become durable first; only then are `answers` given, `offers` made to
workers, `stops` sent and watchers told.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from treadle_server.engine import events as e
from treadle_server.engine.entities import QueuePlace
from treadle_server.engine.evolve import evolve
from treadle_server.engine.messages import Message, messages_of
from treadle_server.engine.state import RunState
from treadle_server.engine.transitions import ActivityStage
from treadle_server.engine.values import Instant, Payload

_TOUCHES_QUEUE: frozenset[type[e.Event]] = frozenset(
    {
        e.ActivityScheduled,
        e.AttemptStarted,
        e.AttemptFailed,
        e.ActivityRequeued,
        e.ActivityFailed,
        e.ActivityCancelled,
        e.ActivityOverridden,
        e.DecisionCompleted,
        e.RunHeld,
        e.IncidentAnswered,
    }
)


@dataclass(slots=True)
class Turn:
    """The to-do list of a turn's caller; see the module's docstring."""

    events: list[e.Event] = field(default_factory=list)
    answers: list[Any] = field(default_factory=list)
    """One per input: a value (often None), or the `Refusal`."""
    offers: list[str] = field(default_factory=list)
    """Activities that a worker can take now, unless a later event of the turn withdrew them."""
    stops: list[tuple[str, int, str]] = field(default_factory=list)
    """(key, lease, session_id) of attempts whose workers are asked to stop."""
    places_before: dict[str, QueuePlace | None] = field(default_factory=dict)
    """Where the touched activities waited before the turn."""
    messages: list[Message] = field(default_factory=list)
    """What is to be told to other runs once the turn is committed."""
    results_to_keep: list[tuple[str, Payload, Instant]] = field(default_factory=list)
    """(cache key, result, until when) for whoever asks for the same."""
    unfinished: bool = False
    """There is more to decide: give the run another turn (`Continue`)."""


def queue_changes(state: RunState, turn: Turn) -> tuple[list[QueuePlace], list[QueuePlace]]:
    """(places that are new, places that are gone) since the turn began: the rows of unmatched tasks
    follow these.
    """
    added: list[QueuePlace] = []
    removed: list[QueuePlace] = []
    for key, before in turn.places_before.items():
        activity = state.activities.get(key)
        place = None if activity is None else activity.place
        if place != before:
            if before is not None:
                removed.append(before)
            if place is not None:
                added.append(place)
    if state.ended:
        # Terminated: whatever waited is gone with the run. Recorded by `_terminate` before the fold
        # cleared it.
        added.clear()
    return added, removed


def emit(turn: Turn, state: RunState, event: e.Event, now: Instant) -> None:
    """Numbers and folds an event, and notes it with what follows from it."""
    event.seq = state.seq + 1
    event.time = now
    # Most of what is emitted is one of a few kinds, and of no interest to most of this: hence
    # tables by type, and not a row of questions for each event.
    kind = type(event)
    if kind in _TOUCHES_QUEUE:
        _note_place(turn, state, event)
    before = _BEFORE.get(kind)
    if before is not None:
        before(turn, state, event, now)
    turn.messages += messages_of(state, event)
    evolve(state, event)
    turn.events.append(event)
    after = _AFTER.get(kind)
    if after is not None:
        after(turn, state, event, now)


def _note_place(turn: Turn, state: RunState, event: Any) -> None:
    """Where the activity waits before anything touches it."""
    if event.key not in turn.places_before:
        activity = state.activities.get(event.key)
        turn.places_before[event.key] = None if activity is None else activity.place


def _keep_result(turn: Turn, state: RunState, event: e.ActivityCompleted, now: Instant) -> None:
    scheduled = state.activities[event.key].scheduled
    if scheduled.cache_ttl is not None and not event.cached:
        until = now + scheduled.cache_ttl
        turn.results_to_keep.append((scheduled.cache_key, event.output, until))


def _offer_scheduled(turn: Turn, _: RunState, event: e.ActivityScheduled, now: Instant) -> None:
    if (event.start_time or now) <= now:
        turn.offers.append(event.key)


def _offer_retried(turn: Turn, _: RunState, event: e.AttemptFailed, now: Instant) -> None:
    if event.next_time <= now:
        turn.offers.append(event.key)


def _offer(
    turn: Turn, _: RunState, event: e.ActivityRequeued | e.IncidentAnswered, _now: Instant
) -> None:
    turn.offers.append(event.key)


def _ask_to_stop(turn: Turn, state: RunState, event: e.ActivityCancelRequested, _: Instant) -> None:
    activity = state.activities[event.key]
    turn.stops.append((event.key, activity.lease, activity.session_id))


def _take_away(turn: Turn, state: RunState, event: e.ActivityOverridden, _: Instant) -> None:
    stop_worker(turn, state, event.key)


def stop_worker(turn: Turn, state: RunState, key: str) -> None:
    """Has the worker that has the activity, if any, asked to stop."""
    activity = state.activities[key]
    if activity.stage in (ActivityStage.LEASED, ActivityStage.CANCELLING):
        turn.stops.append((key, activity.lease, activity.session_id))


_Note = Callable[[Turn, RunState, Any, Instant], None]

_BEFORE: dict[type[e.Event], _Note] = {
    e.ActivityCompleted: _keep_result,
    e.ActivityOverridden: _take_away,
}
"""What is noted before an event is folded."""

_AFTER: dict[type[e.Event], _Note] = {
    e.ActivityScheduled: _offer_scheduled,
    e.ActivityRequeued: _offer,
    e.IncidentAnswered: _offer,
    e.AttemptFailed: _offer_retried,
    e.ActivityCancelRequested: _ask_to_stop,
}
"""What is noted after it is folded."""


def emit_all(turn: Turn, state: RunState, events: Sequence[e.Event], now: Instant) -> None:
    """The same for several."""
    for event in events:
        emit(turn, state, event, now)
