"""What a run says to other runs: an external event, the start or the end of a child, what became of
it.

Each follows from one event of the sender. It is written down in the sender's unit and struck out in
the receiver's, so a crash between the two loses nothing; a repeat changes nothing, because every
receiver knows what it has got.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from treadle_server.engine import events as e
from treadle_server.engine.state import RunState
from treadle_server.engine.values import ParentClosePolicy


class MessageKind(enum.IntEnum):
    """What the receiver is to do; stored."""

    EVENT = 1
    START_CHILD = 2
    CANCEL_CHILD = 3
    TERMINATE_CHILD = 4
    TELL_PARENT = 5
    START_NEXT = 6


@dataclass(slots=True)
class Message:
    """`event` is what it follows from, and holds the rest. `run_id` is the receiver's; an external
    event goes to whoever holds its workflow id when it arrives. `key` is what the parent calls the
    child.
    """

    kind: MessageKind
    event: e.Event
    run_id: bytes = b""
    key: str = ""


RUN_ENDS = (e.RunCompleted, e.RunFailed, e.RunCancelled, e.RunTimedOut, e.RunTerminated)


def messages_of(state: RunState, event: e.Event) -> Iterable[Message]:
    """What follows for other runs from an event, asked just before it is folded."""
    speak = _SPEAKERS.get(type(event))
    return () if speak is None else speak(state, event)


def _event_sent(_: RunState, event: e.EventSent) -> Iterator[Message]:
    yield Message(MessageKind.EVENT, event)


def _child_requested(_: RunState, event: e.ChildRequested) -> Iterator[Message]:
    yield Message(MessageKind.START_CHILD, event, event.run_id, event.key)


def _child_cancelled(state: RunState, event: e.ChildCancelRequested) -> Iterator[Message]:
    requested = state.children[event.key].requested
    terminates = requested.on_parent_end is ParentClosePolicy.TERMINATE
    kind = MessageKind.CANCEL_CHILD
    if terminates and state.ending is not None:
        kind = MessageKind.TERMINATE_CHILD
    yield Message(kind, event, requested.run_id, event.key)


def _started(_: RunState, event: e.RunStarted) -> Iterator[Message]:
    if event.parent_run_id:
        yield Message(MessageKind.TELL_PARENT, event, event.parent_run_id, event.parent_key)


def _continued(state: RunState, event: e.RunContinued) -> Iterator[Message]:
    yield Message(MessageKind.START_NEXT, event, event.next_run_id)
    yield from _to_children(state, event)


def _ended(state: RunState, event: e.Event) -> Iterator[Message]:
    if state.parent is not None:
        yield Message(MessageKind.TELL_PARENT, event, *state.parent)
    yield from _to_children(state, event)


def _to_children(state: RunState, event: e.Event) -> Iterator[Message]:
    """What becomes of children that nobody awaits any more."""
    left = [child.requested for child in state.children.values()]
    for requested in (*left, *state.unawaited.values()):
        if requested.on_parent_end is ParentClosePolicy.TERMINATE:
            yield Message(MessageKind.TERMINATE_CHILD, event, requested.run_id, requested.key)
        elif requested.on_parent_end is ParentClosePolicy.CANCEL:
            yield Message(MessageKind.CANCEL_CHILD, event, requested.run_id, requested.key)


_SPEAKERS: dict[type[e.Event], Callable[[RunState, Any], Iterator[Message]]] = {
    e.EventSent: _event_sent,
    e.ChildRequested: _child_requested,
    e.ChildCancelRequested: _child_cancelled,
    e.RunStarted: _started,
    e.RunContinued: _continued,
    **dict.fromkeys(RUN_ENDS, _ended),
}
