"""How far one run of code has come, as far as the server knows: what its code has not seen yet.

Code runs on a worker, so there is little to derive here. Every event that code must see is *news*;
while no worker has the run's decision, news makes the engine ask for one. The decision is an
activity like any other, under the key `DECISION`: leased, fenced, retried when its worker dies.

What code asks for is numbered from 0, and the number makes the key of what it begins: "c12".
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from treadle_server.engine import events as e
from treadle_server.engine.entities import DECISION, ReceivedEvent
from treadle_server.engine.facts import Fact, FactKind
from treadle_server.engine.progress import Progress
from treadle_server.engine.topology import NodeState
from treadle_server.engine.values import ChildEnd, Failure, Payload

__all__ = ["DECISION", "CodeProgress", "command_index", "command_key"]

UPDATES_KEPT = 1_000
"""Answers to so many updates are remembered, to answer repeats."""

STEP_WEIGHT = 4

EVENTS_WARN = 10_240
"""A history that is longer takes long to replay: said where the run is shown."""

EVENTS_LIMIT = 50_000
"""At so many events a person is asked, and again after each `EVENTS_MORE`. (The field warns at
10,240 and ends runs at 51,200; a run is never ended for its size here.)
"""

EVENTS_MORE = 10_000


def command_key(index: int) -> str:
    """The key of what the command of this number begins."""
    return f"c{index}"


def command_index(key: str) -> int:
    """The number of the command that began what has this key."""
    return int(key[1:])


class CodeProgress(Progress):
    """See the module's docstring. It has the methods by which the fold tells any kind of run what
    became of its activities, timers, waits and children.
    """

    __slots__ = (
        "attributes",
        "consumed",
        "deciding",
        "events_limit",
        "matches",
        "news",
        "news_seq",
        "next_index",
        "ready_steps",
        "seen_seq",
        "unhandled",
        "updates",
    )

    remote: ClassVar[bool] = True
    live = 1
    at_rest = False
    """Only a report can end the run."""

    def __init__(self) -> None:
        self.seen_seq = 0
        self.news_seq = 0
        self.news = False
        """The event that is being folded is one that code must see."""
        self.next_index = 0
        self.events_limit = EVENTS_LIMIT
        self.deciding = False
        self.ready_steps: dict[str, None] = {}
        """Steps that only the run's next decision can begin."""
        self.matches: dict[str, None] = {}
        """Waits that an event may be meant for."""
        self.attributes: dict[str, Payload] = {}
        self.consumed: dict[str, tuple[int, ReceivedEvent]] = {}
        """By the wait's key, events that the code may not have seen yet, with the number of what
        gave it to the wait: the code may have given that up before.
        """
        self.updates: dict[str, e.UpdateAnswered | None] = {}
        """By id; None: not answered yet."""
        self.unhandled: tuple[str, Failure] | None = None

    @property
    def weight(self) -> int:
        """About what it costs to keep."""
        return STEP_WEIGHT * len(self.ready_steps) + len(self.updates)

    # --- what is to be decided --------------------------------------------------------------------

    @property
    def wants_decision(self) -> bool:
        """Whether there is something that only code can go on with, and nobody runs it."""
        return not self.deciding and (self.news_seq > self.seen_seq or bool(self.ready_steps))

    @property
    def undecided(self) -> bool:
        """Whether there is anything to decide."""
        return bool(self.matches) or self.wants_decision

    def take_undecided(self, limit: int) -> list[Fact]:
        """What needs a decision now: waits that an event may end, then the code's own decision."""
        found: list[Fact] = []
        while self.matches and len(found) < limit:
            key = next(iter(self.matches))
            del self.matches[key]
            found.append((FactKind.WAIT, command_index(key)))
        if not found and self.wants_decision:
            found.append((FactKind.DECISION, 0))
        return found

    def note_news(self, seq: int) -> None:
        """The event of this number is news."""
        self.news_seq = seq
        self.news = False

    def decided(self, event: e.DecisionCompleted) -> None:
        """Code has seen what there was, and wants this."""
        # What it saw just now it may still give back, by what it wants.
        before = self.seen_seq
        self.consumed = {key: one for key, one in self.consumed.items() if one[0] > before}
        self.seen_seq = event.seen_seq
        self.next_index = event.first_index + len(event.commands)
        self.deciding = event.keeps

    def let_grow(self, seq: int) -> None:
        """A person has said that the history may grow on."""
        if seq >= self.events_limit:
            self.events_limit = seq + EVENTS_MORE

    # --- what the fold tells ----------------------------------------------------------------------

    def start(self) -> None:
        """The run has begun."""
        self.news = True

    def node_started(self, key: str) -> None:
        """Something began."""
        if key == DECISION:
            self.deciding = True

    def node_succeeded(
        self, _key: str, _output: Payload, _stage: NodeState = NodeState.COMPLETED
    ) -> None:
        """It has its outcome."""
        self.news = True

    def node_failed_running(self, key: str, failure: Failure) -> None:
        """It failed for good. If that is the code itself, nobody is left to decide."""
        if key == DECISION:
            self.deciding = False
            self.unhandled = ("", failure)
        else:
            self.news = True

    def node_failed(self, _event: e.NodeFailed) -> None:
        """It could not even begin."""
        self.news = True

    def node_stopped(self, key: str) -> None:
        """It ended as it was asked to: whoever asked has gone on already."""
        if key == DECISION:
            self.deciding = False

    def child_ended(self, event: e.ChildEnded, *, asked: bool, unwanted: bool) -> None:
        """It is over; what is to be undone may have waited for that."""
        super().child_ended(event, asked=asked, unwanted=unwanted)
        if unwanted and event.end is not ChildEnd.COMPLETED:
            self.attempt_stopped(event.key)

    def attempt_stopped(self, _key: str) -> None:
        """A worker that was asked to stop has stopped: what is to be undone may wait for that."""
        self.news = True

    def node_done(self, key: str, output: Payload, stage: NodeState) -> None:
        """The server did it by itself, when it was asked to."""

    def taken_over(self) -> None:
        """An outcome of an earlier run is this one's."""
        self.news = True

    def wait_timed_out(self, _key: str) -> None:
        """No event came in time: that is an outcome."""
        self.news = True

    def asked_to_stop(self, key: str) -> None:
        """Its worker is asked to stop."""

    def nodes_abandoned(self, keys: Iterable[str]) -> None:
        """The run has ended."""
        self.deciding = False
        self.ready_steps.clear()
        self.matches.clear()

    def wait_satisfied(self, event: e.WaitSatisfied, received: ReceivedEvent) -> None:
        """A wait has its event."""
        self.consumed[event.key] = event.seq, received

    def given_back(self, event_id: str) -> ReceivedEvent | None:
        """An event that comes again, as the code had given its wait up."""
        for key, (_, received) in self.consumed.items():
            if received.event_id == event_id:
                del self.consumed[key]
                return received
        return None

    def event_may_match(self, key: str) -> None:
        """An external event has come that this wait may be for."""
        self.matches[key] = None

    def step_ready(self, key: str) -> None:
        """A step can begin."""
        self.ready_steps[key] = None

    def step_taken(self, key: str) -> None:
        """A step has begun, or is over."""
        self.ready_steps.pop(key, None)

    def update_received(self, event: e.UpdateReceived) -> None:
        """Somebody waits for an answer."""
        self.updates[event.update_id] = None
        self.news = True

    def update_answered(self, event: e.UpdateAnswered) -> None:
        """The answer is known; the oldest answers are forgotten."""
        self.updates[event.update_id] = event
        if len(self.updates) > UPDATES_KEPT:
            oldest = next((one for one, answer in self.updates.items() if answer), None)
            if oldest is not None:
                del self.updates[oldest]
