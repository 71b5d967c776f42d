"""How far a run group has come: a run whose only business is to start many others, and to wait for
all of them, for some of them, or for a time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from treadle_server.engine import events as e
from treadle_server.engine.facts import Fact, FactKind
from treadle_server.engine.progress import Progress
from treadle_server.engine.topology import NodeState
from treadle_server.engine.values import ChildEnd, Failure, Payload

DURATION = "duration"
"""The key of the timer that ends the waiting."""


@dataclass(slots=True)
class Member:
    """One of the runs. `end` None: it has not ended as far as the group knows."""

    run_id: bytes
    workflow_id: str
    end: ChildEnd | None = None
    output: Payload | None = None
    failure: Failure | None = None


@dataclass(slots=True)
class GroupProgress(Progress):
    """See the module's docstring. Members have their places as keys."""

    live: int = 1
    at_rest: bool = False
    """Only its decider ends the run."""
    started: e.GroupStarted | None = None
    members: list[Member] = field(default_factory=list)
    ended: Counter[ChildEnd] = field(default_factory=Counter)
    asked: int = 0
    """Members that were asked to stop and have not ended."""
    timed_out: bool = False
    reason: str = ""
    """Why the waiting is over."""
    unhandled: tuple[str, Failure] | None = None
    news: bool = False

    @property
    def weight(self) -> int:
        """About what it costs to keep."""
        return len(self.members)

    @property
    def open(self) -> int:
        """Members that have not ended."""
        return len(self.members) - self.ended.total()

    @property
    def over(self) -> str:
        """Why the waiting is over; empty if it is not."""
        started = self.started
        if started is None:
            return ""
        counted = self.ended.total() if started.counts_ended else self.ended[ChildEnd.COMPLETED]
        left = started.total - self.ended.total()
        if started.quota and counted >= started.quota:
            return "quota"
        if started.quota and counted + left < started.quota:
            return "unreachable"
        if not left:
            return "all"
        return "duration" if self.timed_out else ""

    @property
    def undecided(self) -> bool:
        """Whether there is anything to decide."""
        if self.started is None:
            return True
        if not self.reason:
            return len(self.members) < self.started.total or bool(self.over)
        return self.started.leaves or not self.open or self.open > self.asked

    def take_undecided(self, limit: int) -> list[Fact]:
        """That the group is to be looked at."""
        return [(FactKind.GROUP, limit)] if self.undecided else []

    # --- what the fold tells ----------------------------------------------------------------------

    def group_started(self, event: e.GroupStarted) -> None:
        """What is to be waited for."""
        self.started = event

    def group_closed(self, event: e.GroupClosed) -> None:
        """The waiting is over."""
        self.reason = event.reason

    def child_requested(self, event: e.ChildRequested) -> None:
        """One more."""
        self.members.append(Member(event.run_id, event.workflow_id))

    def child_asked(self, _key: str) -> None:
        """It is to stop."""
        self.asked += 1

    def child_ended(self, event: e.ChildEnded, *, asked: bool, unwanted: bool) -> None:
        """It is over, and how is what counts."""
        member = self.members[int(event.key)]
        member.end, member.output, member.failure = event.end, event.output, event.failure
        self.ended[event.end] += 1
        self.asked -= asked

    def start(self) -> None:
        """The run has begun."""

    def node_started(self, key: str) -> None:
        """The timer began."""

    def node_succeeded(
        self, key: str, output: Payload, stage: NodeState = NodeState.COMPLETED
    ) -> None:
        """The time is up."""
        self.timed_out = self.timed_out or key == DURATION

    def node_done(self, key: str, output: Payload, stage: NodeState) -> None:
        """Nothing of a group's."""

    def node_failed_running(self, key: str, failure: Failure) -> None:
        """Nothing of a group's."""

    def node_failed(self, event: e.NodeFailed) -> None:
        """It cannot be started: groups stand too deep in each other."""
        self.unhandled = event.node, event.failure

    def node_stopped(self, key: str) -> None:
        """The timer was stopped, or a member left to itself."""

    def asked_to_stop(self, key: str) -> None:
        """Nothing of a group's."""

    def nodes_abandoned(self, keys: Iterable[str]) -> None:
        """The run has ended."""

    def wait_timed_out(self, key: str) -> None:
        """Groups have no waits."""

    def event_may_match(self, key: str) -> None:
        """Groups have no waits."""
