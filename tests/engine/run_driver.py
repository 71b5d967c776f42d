"""One run in memory: a document, its state, a clock that is moved by hand.

What `treadle_server.runs` is around the engine in earnest, this is in tests, without journal,
queues or workers.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from typing import Any

from treadle_server.definitions.compiled import Compiled, compile_document
from treadle_server.engine import inputs as i
from treadle_server.engine.emit import Turn
from treadle_server.engine.entities import Activity
from treadle_server.engine.events import Event
from treadle_server.engine.evolve import evolve
from treadle_server.engine.state import RunState
from treadle_server.engine.transitions import ActivityStage
from treadle_server.engine.turn import take_turn
from treadle_server.engine.values import NO_METADATA, Duration, Failure, Payload

SECOND = 1_000_000
BEGINNING = 1_000_000 * SECOND
RUN_ID = bytes(range(16))


def document(**parts: Any) -> dict[str, Any]:
    """A graph document with the parts that every document needs."""
    return {"treadle": "v1", "kind": "graph", "name": "graph"} | parts


class RunDriver:
    """A run, and all that was journaled of it."""

    def __init__(self, graph: dict[str, Any] | Compiled) -> None:
        self.compiled = compile_document(graph) if isinstance(graph, dict) else graph
        self.state: RunState = self.compiled.new_state(RUN_ID)
        self.now = BEGINNING
        self.events: list[Event] = []
        self.turns: list[Turn] = []

    def turn(self, *inputs: i.Input) -> Turn:
        """Takes a turn at the present time."""
        turn = take_turn(self.state, inputs, self.compiled.decider, self.now)
        self.events += turn.events
        self.turns.append(turn)
        return turn

    def start(self, payload: Payload | None = None, run_timeout: Duration | None = None) -> Turn:
        """Starts the run; raises `InputInvalid`."""
        completed = self.compiled.complete_input(Payload(b"null") if payload is None else payload)
        return self.turn(
            i.StartRun(
                workflow=self.compiled.definition.name,
                version=1,
                workflow_id="one",
                rules=self.compiled.rules,
                input=completed,
                run_timeout=run_timeout or self.compiled.definition.run_timeout,
            )
        )

    def grant(
        self, key: str, *, session: str = "", identity: str = "w", lease: Duration | None = None
    ) -> Turn:
        """Leases an activity to a worker."""
        return self.turn(
            i.GrantLease(
                key=key, session_id=session, identity=identity, build_id="", lease_duration=lease
            )
        )

    def complete(self, key: str, output: bytes = b"null") -> Turn:
        """Reports the open attempt as done."""
        return self.turn(i.CompleteAttempt(key=key, lease=self.lease(key), output=Payload(output)))

    def fail(self, key: str, kind: str = "Broken", **fields: Any) -> Turn:
        """Reports the open attempt as failed."""
        failure = Failure(kind=kind, **fields)
        return self.turn(i.FailAttempt(key=key, lease=self.lease(key), failure=failure))

    def lease(self, key: str) -> int:
        """The newest lease of an open activity; 0 if it is not open."""
        activity = self.state.activities.get(key)
        return 0 if activity is None else activity.lease

    def ready(self) -> list[str]:
        """The activities that a worker could take now."""
        return [key for key, one in self.state.activities.items() if is_ready(one, self.now)]

    def leased(self) -> list[str]:
        """The activities that a worker has."""
        stages = (ActivityStage.LEASED, ActivityStage.CANCELLING)
        return [key for key, one in self.state.activities.items() if one.stage in stages]


def is_ready(activity: Activity, now: int) -> bool:
    """Whether a worker could take it."""
    return activity.stage is ActivityStage.QUEUED and activity.ready_time <= now


def fold(compiled: Compiled, events: Sequence[Event]) -> RunState:
    """The state that the events alone give."""
    state = compiled.new_state(RUN_ID)
    for event in events:
        evolve(state, event)
    return state


def copy_of(state: RunState) -> RunState:
    """The state as it is now. What runs share stays shared. Compiled objects are not made without
    their arguments, and so not copied.
    """
    if not hasattr(RunState, "__slots__"):
        return state
    shared = (state.graph.topology, NO_METADATA)
    return copy.deepcopy(state, {id(one): one for one in shared})


def folded_part(state: RunState) -> dict[str, Any]:
    """All of a state that must follow from its events: what `state.py` marks as not folded is left
    out, and of the candidates those that count no more.
    """
    progress = state.graph
    parts = _slots(state, "progress", "activities", "to_stop", "due")
    parts["activities"] = {
        key: _slots(one, "until", "heartbeat_time", "due_time")
        for key, one in state.activities.items()
    }
    parts["to_stop"] = [
        key
        for key in state.to_stop
        if key in state.activities and state.activities[key].stage is not ActivityStage.CANCELLING
    ]
    parts["progress"] = _slots(progress, "topology", "_candidates", "loops", "maps", "arrivals")
    parts["arrivals"] = _slots(progress.arrivals, "_topology")
    parts["loops"] = _slots(progress.loops, "_topology")
    parts["maps"] = {node: _slots(one) for node, one in progress.maps.items()}
    if state.ending is None:  # else nothing is decided any more
        parts["candidates"] = [one for one in progress._candidates if progress._counts(one)]
    return parts


def _slots(thing: Any, *apart: str) -> dict[str, Any]:
    """What a thing with slots holds; where it is compiled, they have another name."""
    kind = type(thing)
    slots: Iterable[str] = getattr(kind, "__slots__", ()) or getattr(kind, "__mypyc_attrs__", ())
    return {name: getattr(thing, name) for name in slots if name not in apart}
