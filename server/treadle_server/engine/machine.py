"""How far a state machine has come: what the fold knows of it.

Which transition is next, and what states are left and entered by it, is decided by the machine's
decider and written into events; here their outcome is kept. A machine is *at rest* when no
transition is under way and nothing waits to be looked at: then only time, a task of a state or an
external event brings it on. All that grows is bounded by the number of states, so that a transition
costs the same however many came before.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from treadle_server.engine import events as e
from treadle_server.engine.entities import ReceivedEvent
from treadle_server.engine.events import TransitionCause
from treadle_server.engine.facts import Fact, FactKind
from treadle_server.engine.progress import NOTHING_LATE, Progress
from treadle_server.engine.topology import NodeState
from treadle_server.engine.values import NULL, Failure, Instant, Payload

UNRESTED_BOUND = 1_000
"""Transitions in a row that the machine takes by itself, with no time, task or external event to
bring it on: more is a machine that never comes to rest.
"""

_BY_ITSELF = (TransitionCause.ALWAYS, TransitionCause.RAISED)


def state_of_key(key: str) -> str:
    """The state that `state/visit/role` belongs to."""
    return key.split("/", 1)[0]


@dataclass(slots=True)
class Visit:
    """An active state: the number of the transition that entered it, and when."""

    number: int
    entered_time: Instant


@dataclass(slots=True)
class Moving:
    """A transition that is under way. `steps` are the keys of what it had to do so far."""

    taken: e.TransitionTaken
    event: Payload
    steps: int = 0
    running: str = ""
    """The key of the newest step."""
    under_way: bool = False
    """It has begun, and has no outcome."""
    output: Payload | None = None
    """What the last step gave."""
    failure: Failure | None = None


@dataclass(slots=True)
class Outcome:
    """Something that a state waited for has come: its timer, its task's result or failure, or what
    its actions failed with.
    """

    cause: TransitionCause
    key: str
    output: Payload = field(default_factory=lambda: NULL)
    failure: Failure | None = None


@dataclass(slots=True)
class Raised:
    """An event that the machine raised for itself."""

    name: str
    payload: Payload


@dataclass(slots=True)
class MachineProgress(Progress):
    """See the module's docstring. It has the methods by which the fold tells any kind of run what
    became of its activities, timers and children.
    """

    live: int = 1
    at_rest: bool = False
    """Only reaching a final state ends the run."""
    active: dict[str, Visit] = field(default_factory=dict)
    """In the document's order."""
    history: dict[str, tuple[str, ...]] = field(default_factory=dict)
    taken: int = 0
    unrested: int = 0
    """How many of the last ones it took by itself, one after the other."""
    moving: Moving | None = None
    raised: deque[Raised] = field(default_factory=deque)
    outcomes: deque[Outcome] = field(default_factory=deque)
    running: dict[str, None] = field(default_factory=dict)
    """Tasks and timers of active states."""
    gave: dict[str, Payload] = field(default_factory=dict)
    """What phases of active states gave, by key."""
    unhandled: tuple[str, Failure] | None = None
    failure: tuple[str, Failure] | None = None
    """The last failure, with its state: what `error` is in expressions."""
    event: Payload = field(default_factory=lambda: NULL)
    """What the last transition's event brought."""
    news: bool = False
    events: int = 0
    """External events that the machine has not looked at."""
    late: dict[str, Payload] = field(default_factory=dict)
    """Not folded: what tasks gave that were done after they had been asked to stop; this turn's."""
    fresh: bool = False
    """Not folded: a transition that needs nothing but its guard may be possible now. After a read
    of the journal it is not: a turn that had no room to look has left its run due, and being woken
    makes it look.
    """

    @property
    def weight(self) -> int:
        """About what it costs to keep."""
        return 4 * len(self.active) + len(self.outcomes) + len(self.raised)

    @property
    def undecided(self) -> bool:
        """Whether there is anything to decide."""
        if self.moving is not None:
            return not self.moving.under_way
        return self.fresh or bool(self.raised or self.outcomes or self.events)

    def take_undecided(self, limit: int) -> list[Fact]:
        """That the machine is to be looked at, once."""
        if not self.undecided:
            return []
        self.fresh = False
        return [(FactKind.MACHINE, 0)]

    # --- transitions ------------------------------------------------------------------------------

    def transition_taken(self, event: e.TransitionTaken, received: ReceivedEvent | None) -> None:
        """The machine moves."""
        self.taken = event.number
        self.unrested = self.unrested + 1 if event.cause in _BY_ITSELF else 0
        self.fresh = True
        payload = self._take_cause(event.cause, received)
        self.event = payload
        self.moving = Moving(event, payload)
        if event.settled:
            self._settle(event.active, event.history, event.time)

    def _take_cause(self, cause: TransitionCause, received: ReceivedEvent | None) -> Payload:
        """What brought it here is used up; the value that came with it."""
        match cause:
            case TransitionCause.EVENT:
                self.events -= 1
                return NULL if received is None else received.payload
            case TransitionCause.RAISED:
                return self.raised.popleft().payload
            case TransitionCause.AFTER | TransitionCause.RESULT:
                return self.outcomes.popleft().output
            case TransitionCause.ERROR:
                outcome = self.outcomes.popleft()
                assert outcome.failure is not None, "an error has a failure"
                self.failure = state_of_key(outcome.key), outcome.failure
                return NULL
            case _:
                return self.event

    def settled(self, event: e.ConfigurationSettled) -> None:
        """The transition is over."""
        moving = self.moving
        assert moving is not None, "something settles"
        self.fresh = True
        if event.failed:
            assert moving.failure is not None, "it failed"
            self.outcomes.appendleft(
                Outcome(TransitionCause.ERROR, moving.running, failure=moving.failure)
            )
        if event.moved:
            self._settle(event.active, event.history, event.time)
        else:
            self.moving = None

    def _settle(
        self, active: tuple[str, ...], history: tuple[e.StateHistory, ...], now: Instant
    ) -> None:
        assert self.moving is not None, "something settles"
        taken = self.moving.taken
        entered = set(taken.entered)
        before, self.active = self.active, {}
        for state in active:
            new = state in entered or state not in before
            self.active[state] = Visit(taken.number, now) if new else before[state]
        self.history = {one.state: one.remembered for one in history}
        self.gave = {
            key: output
            for key, output in self.gave.items()
            if (visit := self.active.get(state_of_key(key))) is not None
            and key.split("/")[1] == str(visit.number)
        }
        self.moving = None

    def ignored(self, event: e.EventIgnored) -> None:
        """Nobody waits for this."""
        self.fresh = True
        if event.cause is TransitionCause.RAISED:
            self.raised.popleft()
        elif event.cause is TransitionCause.EVENT:
            self.events -= 1
        else:
            self.outcomes.popleft()

    def event_raised(self, event: e.EventRaised) -> None:
        """The machine tells itself something."""
        self.raised.append(Raised(event.name, event.payload))
        self.step_done(event.key, NULL)

    def step_done(self, key: str, output: Payload) -> None:
        """Something that a transition had to do is done."""
        self.fresh = True
        moving = self.moving
        if moving is None or not key:
            return
        moving.steps += 1
        moving.under_way = False
        moving.running = key
        moving.output = output

    def is_step(self, key: str) -> bool:
        """Whether this is what the transition under way is doing."""
        return self.moving is not None and self.moving.running == key

    # --- what the fold tells ----------------------------------------------------------------------

    def start(self) -> None:
        """The run has begun."""
        self.fresh = True

    def loaded(self) -> None:
        """See `Progress`."""
        self.fresh = False
        self.late = {}

    def look_again(self) -> None:
        """See `Progress`."""
        self.fresh = True

    def event_came(self) -> None:
        """An external event has come."""
        self.events += 1

    def node_started(self, key: str) -> None:
        """Something began: a step of the transition under way, or a task or timer of a state."""
        if self.moving is not None:
            self.moving.running = key
            self.moving.under_way = True
            return
        self.running[key] = None
        visit = key.rpartition("/")[0]
        head = self.outcomes[0] if self.outcomes else None
        result = head is not None and head.cause is TransitionCause.RESULT
        if head is not None and result and head.key.rpartition("/")[0] == visit:
            # The next phase of what a state does begins with what the one before it gave.
            before = self.outcomes.popleft()
            self.gave[before.key] = before.output
            self.fresh = True

    def node_succeeded(
        self, key: str, output: Payload, stage: NodeState = NodeState.COMPLETED
    ) -> None:
        """It has its outcome."""
        self.fresh = True
        if self.is_step(key):
            self.step_done(key, output)
        elif key in self.running:
            del self.running[key]
            timer = key.rpartition("/")[2].startswith("after")
            cause = TransitionCause.AFTER if timer else TransitionCause.RESULT
            self.outcomes.append(Outcome(cause, key, output))
        else:
            self.late[key] = output

    def take_late(self) -> Mapping[str, Payload]:
        """See `Progress`."""
        if not self.late:
            return NOTHING_LATE
        late, self.late = self.late, {}
        return late

    def node_done(self, key: str, output: Payload, stage: NodeState) -> None:
        """The server did it by itself."""
        self.step_done(key, output)

    def node_failed_running(self, key: str, failure: Failure) -> None:
        """It failed for good."""
        self.fresh = True
        if self.is_step(key):
            assert self.moving is not None, "it has a step"
            self.moving.failure = failure
            self.moving.under_way = False
        elif key in self.running:
            del self.running[key]
            self.outcomes.append(Outcome(TransitionCause.ERROR, key, failure=failure))

    def node_failed(self, event: e.NodeFailed) -> None:
        """Nothing handles this failure, or a step could not even begin."""
        if self.moving is not None and self.moving.failure is None:
            self.moving.running = event.node
            self.moving.failure = event.failure
            self.moving.under_way = False
            return
        self.unhandled = state_of_key(event.node), event.failure

    def node_stopped(self, key: str) -> None:
        """It ended as it was asked to."""
        self.running.pop(key, None)

    def asked_to_stop(self, key: str) -> None:
        """Its worker is asked to stop; what it still says is of no use."""
        self.running.pop(key, None)

    def nodes_abandoned(self, keys: Iterable[str]) -> None:
        """The run has ended."""
        self.running.clear()
        self.raised.clear()
        self.outcomes.clear()
        self.moving = None
        self.events = 0
        self.fresh = False

    def wait_timed_out(self, key: str) -> None:
        """Machines have no waits."""

    def event_may_match(self, key: str) -> None:
        """Machines have no waits."""
