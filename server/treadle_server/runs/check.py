"""The deep check of a journal: folds every run and compares it with what is stored beside it.

Proves, for everything that is committed: every fold succeeds; no timer is lost (`wake_time` is
never later than what is due); no task is orphaned (each waiting activity has its row, each row its
waiting activity); whoever waits for an event or a person is found; no lease leaks (an ended run has
none, an open one ends by itself); run rows say what the events say.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

from treadle_server.definitions.compiled import Compiled, built_in, compile_document
from treadle_server.definitions.errors import DefinitionInvalid
from treadle_server.engine.events import Event, StateRecorded
from treadle_server.engine.evolve import SequenceBroken, due_time, evolve
from treadle_server.engine.inputs import Continue
from treadle_server.engine.recorded import agrees
from treadle_server.engine.state import RunState
from treadle_server.engine.transitions import ActivityStage, ImpossibleTransition
from treadle_server.engine.turn import take_turn
from treadle_server.engine.values import Instant
from treadle_server.journal.codec import decode_batch
from treadle_server.journal.port import Finding, Journal, Key, RunRow, Table
from treadle_server.runs.definitions import stored_document
from treadle_server.runs.hot import open_waits
from treadle_server.runs.rows import HELD_SEARCH, held_key, held_value

_PAGE = 1_000


@dataclass(slots=True)
class _Open:
    """A run that has not ended as far as the log has been read."""

    row: RunRow
    state: RunState
    compiled: Compiled


class _Checker:
    """Reads the log once, keeping only the runs that are open at the place it has come to."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._compiled: dict[tuple[str, str, int], Compiled | str] = {}
        self._open: dict[bytes, _Open] = {}
        self._broken: set[bytes] = set()

    def run(self) -> Iterator[Finding]:
        position = 0
        while records := self._journal.read_log(position, _PAGE):
            for record in records:
                position = record.position
                if record.run_id not in self._broken:
                    yield from self._fold(record.run_id, record.body)
        for one in self._open.values():
            yield from self._check_open(one)
        yield from self._check_ready_rows()
        yield from self._check_wait_rows()
        yield from self._check_held_rows()

    def _fold(self, run_id: bytes, body: bytes) -> Iterator[Finding]:
        one = self._open.get(run_id)
        if one is None:
            found = self._begin(run_id)
            if isinstance(found, Finding):
                self._broken.add(run_id)
                yield found
                return
            one = self._open[run_id] = found
        try:
            for event in decode_batch(body):
                yield from self._fold_event(one, event)
        except (SequenceBroken, ImpossibleTransition, KeyError, ValueError) as error:
            self._broken.add(run_id)
            del self._open[run_id]
            yield Finding("fold", _named(run_id), f"its events cannot be folded: {error}")
            return
        one.state.loaded()
        if one.state.ended:
            del self._open[run_id]
            yield from self._check_ended(one)

    def _fold_event(self, one: _Open, event: Event) -> Iterator[Finding]:
        state, is_recorded = one.state, isinstance(event, StateRecorded)
        if state.seq == 0 and 1 < event.seq <= one.row.recorded_seq and not is_recorded:
            return  # what is left of a history that is being cut
        known = state.seq > 0
        evolve(state, event)
        if isinstance(event, StateRecorded) and known and not agrees(state, event.state):
            yield Finding(
                "recorded-state",
                f"{_named(one.row.run_id)} event {event.seq}",
                "the state recorded there is not what the events before it give",
            )

    def _begin(self, run_id: bytes) -> _Open | Finding:
        [row] = self._journal.get_runs([run_id])
        if row is None:
            return Finding("run-row", _named(run_id), "has events but no row")
        name = (row.namespace, row.workflow, row.version)
        if name not in self._compiled:
            self._compiled[name] = self._compile(name)
        compiled = self._compiled[name]
        if isinstance(compiled, str):
            which = f"{row.workflow} version {row.version}"
            return Finding("definition", _named(run_id), f"{which} cannot be run: {compiled}")
        return _Open(row, compiled.new_state(run_id), compiled)

    def _compile(self, name: tuple[str, str, int]) -> Compiled | str:
        """The version, or why there is none."""
        own = built_in(name[1])
        if own is not None:
            return own
        [row] = self._journal.get(Table.DEFINITION, [name])
        if row is None:
            return "it is not there"
        try:
            return compile_document(json.loads(stored_document(row)), stored=True)
        except (DefinitionInvalid, ValueError) as error:
            return str(error)

    def _check_ended(self, one: _Open) -> Iterator[Finding]:
        row, state = one.row, one.state
        if row.state != int(state.stage) or row.end_time != state.time:
            yield Finding(
                "run-row",
                _named(row.run_id),
                "its events say that it has ended otherwise than its row",
            )
        if row.wake_time is not None:
            yield Finding("timer", _named(row.run_id), "has ended but would still be woken")

    def _check_open(self, one: _Open) -> Iterator[Finding]:
        row, state = one.row, one.state
        if row.end_time is not None:
            yield Finding(
                "run-row", _named(row.run_id), "its row says that it has ended, its events do not"
            )
        due = _latest_wake_time(row, state)
        if state.unfinished:
            # What was looked at and came to nothing is not journaled, so the fold looks unfinished.
            # Only if looking again comes to something, something was lost.
            since = state.time
            if take_turn(state, [Continue()], one.compiled.decider, since).events:
                due = since
        if due is not None and (row.wake_time is None or row.wake_time > due):
            yield Finding(
                "timer",
                _named(row.run_id),
                f"is due at {due} but would be woken at {row.wake_time}",
            )
        for name, activity in state.activities.items():
            if (
                activity.stage in (ActivityStage.LEASED, ActivityStage.CANCELLING)
                and not activity.until
            ):
                yield Finding("lease", f"{_named(row.run_id)} {name}", "is leased without end")

    def _check_ready_rows(self) -> Iterator[Finding]:
        expected: set[Key] = set()
        for one in self._open.values():
            for activity in one.state.activities.values():
                place = activity.place
                if place is not None:
                    expected.add((one.row.namespace, *place[:-1], one.row.run_id, place[-1]))
        low: Key = ("",)
        while rows := self._journal.scan(Table.READY, low, ("\U0010ffff",), _PAGE):
            for row in rows:
                if row.key in expected:
                    expected.discard(row.key)
                elif row.key[5] not in self._broken:
                    yield Finding(
                        "orphan-task", f"ready {row.key!r}", "no open activity waits there"
                    )
            low = (*rows[-1].key, "")
        for key in expected:
            yield Finding(
                "lost-task", f"ready {key!r}", "an activity waits, but no worker will find it"
            )

    def _check_wait_rows(self) -> Iterator[Finding]:
        expected: set[Key] = {
            (one.row.namespace, name, one.row.run_id, key)
            for one in self._open.values()
            for key, name in open_waits(one.state, one.compiled).items()
        }
        low: Key = ("",)
        while rows := self._journal.scan(Table.WAIT, low, ("\U0010ffff",), _PAGE):
            for row in rows:
                if row.key in expected:
                    expected.discard(row.key)
                elif row.key[2] not in self._broken:
                    yield Finding("orphan-wait", f"wait {row.key!r}", "no open wait is there")
            low = (*rows[-1].key, "")
        for key in expected:
            yield Finding("lost-wait", f"wait {key!r}", "a wait that no broadcast would reach")

    def _check_held_rows(self) -> Iterator[Finding]:
        expected = {
            held_key(one.row): held_value(one.state)
            for one in self._open.values()
            if one.state.held is not None
        }
        low: Key = ("",)
        while rows := self._journal.scan(Table.HELD, low, ("\U0010ffff",), _PAGE):
            for row in rows:
                value = expected.pop(row.key, None)
                if row.key[2] in self._broken or value == row.value:
                    continue
                said = "its run is not held" if value is None else "its run is held otherwise"
                yield Finding("orphan-held", f"held {row.key!r}", said)
            low = (*rows[-1].key, "")
        [search] = self._journal.get(Table.META, [HELD_SEARCH])
        if search is not None:
            return  # the server has not found all of them yet
        for key in expected:
            yield Finding("lost-held", f"held {key!r}", "a run is held, and no list would show it")


def _latest_wake_time(row: RunRow, state: RunState) -> Instant | None:
    """When the run must be woken at the latest. That is later than its state says where a worker
    may have renewed its lease, for renewals are not journaled; but no later than when the attempt
    has taken as long as it may. (Of a decision only memory knows when that is: its worker may have
    reported since, with nothing to say.) And where a task became ready meanwhile: it waits in its
    queue now, which the log does not say.
    """
    times: list[Instant | None] = [timer.due_time for timer in state.timers.values()]
    times += [wait.due_time for wait in state.waits.values()]
    times.append(state.deadline if state.ending is None else None)
    for activity in state.activities.values():
        if activity.stage in (ActivityStage.LEASED, ActivityStage.CANCELLING):
            if not (activity.is_decision and row.wake_time):
                times.append(activity.attempt_deadline)
        else:
            times.append(due_time(activity, activity.ready_time))
    return min((time for time in times if time is not None), default=None)


def check_journal(journal: Journal) -> Iterator[Finding]:
    """What is wrong with the runs of an open journal; nothing if all is well."""
    return _Checker(journal).run()


def _named(run_id: bytes) -> str:
    return f"run {uuid.UUID(bytes=run_id)}"
