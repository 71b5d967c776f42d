"""Looking at runs. Every answer waits for the commit of the newest unit that it looked at."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import replace
from typing import TypeVar

from treadle_server.engine.graph import GraphProgress
from treadle_server.engine.ids import run_id_text
from treadle_server.engine.topology import NodeState
from treadle_server.engine.transitions import RunStage
from treadle_server.engine.values import Duration, Instant
from treadle_server.journal.port import Journal, Record, RunRow
from treadle_server.matching.deadlines import Deadlines
from treadle_server.runs.errors import RunNotFound, Stopping
from treadle_server.runs.executions import Execution, Executions
from treadle_server.runs.hot import HotRun, HotRuns
from treadle_server.runs.model import RunEnd, RunReference, RunView
from treadle_server.runs.reading import events_of
from treadle_server.runs.settled import until_settled
from treadle_server.runs.words import status, warnings

_Thing = TypeVar("_Thing")

ACTIVITIES_SHOWN = 1_000
WATCH_BYTES = 1 << 20
PAGE_BYTES = 1 << 20
"""Of a page of things that may be large, and one of them more: gRPC's clients take 4 MiB."""


class _Wait:
    """Somebody who waits for a run's end."""

    def __init__(self) -> None:
        self.told: HotRun | None = None
        """The run that has ended."""
        self.over = False
        """He has waited for as long as he wanted to."""
        self._something: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def tell(self, hot: HotRun | None) -> None:
        """See `Watcher`."""
        if hot is None or hot.state.ended:
            self.told = hot
            self._look()

    def wake(self) -> None:
        """See `Waiter`."""
        self.over = True
        self._look()

    async def something(self) -> None:
        """Returns when there is something to look at since the last time."""
        await self._something
        self._something = asyncio.get_running_loop().create_future()

    def _look(self) -> None:
        if not self._something.done():
            self._something.set_result(None)


class Queries:
    """See the module's docstring."""

    def __init__(self, journal: Journal, hot: HotRuns) -> None:
        self._journal = journal
        self._hot = hot
        self._deadlines = Deadlines()
        self.stopping = False
        """All waiting is to end: the server is stopping."""

    def stop(self) -> None:
        """Ends all waiting for runs."""
        self.stopping = True
        self._hot.tell_all_watchers()

    def find(self, reference: RunReference) -> RunRow:
        """The row of the run that is meant; raises `NotFound`. Its `last_seq` may be staged."""
        if reference.run_id:
            hot = self._hot.get(reference.run_id)
            [row] = [hot.row] if hot is not None else self._journal.get_runs([reference.run_id])
        else:
            row = self._journal.find_run(reference.namespace, reference.workflow_id)
        if row is None or row.namespace != reference.namespace:
            raise RunNotFound(
                f"there is no run {_named(reference)} in namespace {reference.namespace!r}"
            )
        return row

    async def describe(self, reference: RunReference, *, include_nodes: bool) -> RunView:
        """How a run stands."""
        run_id = self.find(reference).run_id
        return view_of(await self.settled(run_id), include_nodes=include_nodes)

    async def wait(self, reference: RunReference, timeout: Duration) -> RunEnd | None:
        """The run's end, or None if it does not come within `timeout`. Raises `RunNotFound`,
        `Stopping`. A run that is not in memory stays on the disk until something happens to it.
        """
        run_id = self.find(reference).run_id
        wait = _Wait()
        tell = wait.tell
        # First the watch, then the look: whatever comes in between is seen by one of the two.
        self._hot.watch(run_id, tell)
        deadline = self._deadlines.add(wait, timeout)
        try:
            while (end := await self._end(run_id, wait.told)) is None and not wait.over:
                if self.stopping:
                    raise Stopping("the server is stopping; wait again")
                await wait.something()
            return end
        finally:
            self._deadlines.remove(wait, deadline)
            self._hot.unwatch(run_id, tell)

    async def _end(self, run_id: bytes, told: HotRun | None) -> RunEnd | None:
        """How a run has ended; None if it has not, as far as the disk knows."""
        # What was told stays told: a run that has ended has left memory meanwhile, and to bring it
        # back would be to read and fold its whole history.
        hot = self._hot.get(run_id) if told is None or told.dropped else told
        if hot is None:
            [row] = self._journal.get_runs([run_id])
            if row is not None and row.end_time is None:
                return None
            hot = await self._hot.load(run_id)
        if not hot.state.ended or not await until_settled(hot.settled):
            return None
        ending = hot.state.ending
        failure = None if ending is None else ending.failure
        return RunEnd(hot.row, hot.state.output, failure, hot.state.next_run_id)

    async def settled(self, run_id: bytes) -> HotRun:
        """The run in memory with nothing of it on its way; a run that failed to commit is looked up
        again.
        """
        for _ in range(10):
            hot = await self._hot.load(run_id)
            if await until_settled(hot.settled):
                return hot
        raise Stopping("the run could not be read; try again")

    def list_runs(
        self,
        namespace: str,
        *,
        workflow: str | None,
        state: int | None,
        before: tuple[Instant, bytes] | None,
        limit: int,
        held: bool = False,
    ) -> list[RunRow]:
        """Committed runs, newest first. `held`: only those that wait for a person."""
        return self._journal.list_runs(
            namespace, workflow=workflow, state=state, before=before, limit=limit, held=held
        )

    def history(
        self, reference: RunReference, after_seq: int, max_bytes: int
    ) -> tuple[list[Record], bool]:
        """Committed records after `after_seq`, and whether there are more."""
        row = self.find(reference)
        records = self._journal.read_run(row.run_id, after_seq, max_bytes)
        if not records:
            return [], False
        last = records[-1]
        return records, bool(self._journal.read_run(row.run_id, last.base_seq + last.count - 1, 1))

    async def executions(
        self, reference: RunReference, after: int, limit: int
    ) -> tuple[bytes, list[Execution], bool]:
        """The run; what happened to each of its nodes, without the first `after`, and whether there
        is more: fewer than `limit`, but one at least, where they are large.
        """
        run_id = self.find(reference).run_id
        found = Executions()
        seq = 0
        while records := self._journal.read_run(run_id, seq, WATCH_BYTES):
            for record in records:
                found.add(events_of(record))
            seq = records[-1].base_seq + records[-1].count - 1
            await asyncio.sleep(0)
        listed = list(found.by_key.values())
        page: list[Execution] = []
        size = 0
        for one in listed[after : after + limit]:
            size += one.size
            if page and size > PAGE_BYTES:
                break
            page.append(one)
        return run_id, page, len(listed) > after + len(page)


def view_of(hot: HotRun, *, include_nodes: bool) -> RunView:
    """A run as it stands in memory."""
    state = hot.state
    ending = state.ending
    shown = itertools.islice(state.activities.values(), ACTIVITIES_SHOWN)
    return RunView(
        row=replace(hot.row, last_seq=state.seq),
        input=state.input,
        output=state.output,
        failure=None if ending is None else ending.failure,
        activities=[replace(activity) for activity in shown],
        activity_count=len(state.activities),
        cancel_requested=state.cancel is not None
        or (ending is not None and ending.stage in (RunStage.CANCELLED, RunStage.TIMED_OUT)),
        incident=next(iter(state.incidents.values()), ""),
        paused=state.paused,
        attributes=dict(getattr(state.progress, "attributes", {})),
        status=status(state),
        warnings=warnings(state),
        active_states=tuple(getattr(state.progress, "active", ())),
        accepted_events=sorted(hot.compiled.decider.accepted(state)),
        next_run_id=state.next_run_id,
        timers=_first(state.timers),
        waits=_first(state.waits),
        children=[replace(child) for child in _first(state.children)],
        nodes=_nodes(hot) if include_nodes else [],
    )


def _first(things: dict[str, _Thing]) -> list[_Thing]:
    return list(itertools.islice(things.values(), ACTIVITIES_SHOWN))


def _nodes(hot: HotRun) -> list[tuple[str, NodeState]]:
    progress = hot.state.progress
    if not isinstance(progress, GraphProgress):
        return []
    return [(name, progress.state(number)) for number, name in enumerate(progress.topology.names)]


def _named(reference: RunReference) -> str:
    if reference.run_id:
        return run_id_text(reference.run_id)
    return f"with workflow id {reference.workflow_id!r}"
