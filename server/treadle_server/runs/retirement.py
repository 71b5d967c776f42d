"""Taking versions out of use: what of their runs stands in the way.

Nobody who asks whether a version may be started is answered while it is being retired, and what has
begun before is waited for: so no start slips through between. What need not ask may begin in a
retired version too, as it goes on with what there was: a retry of an ended run, a child whose
version is part of its parent's definition, a run that continues as that version.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from treadle_server.definitions.versions import VersionState
from treadle_server.engine import inputs as i
from treadle_server.engine.transitions import RunStage
from treadle_server.engine.values import Instant
from treadle_server.journal.port import Journal, RunRow
from treadle_server.runs.definitions import Definitions
from treadle_server.runs.errors import VersionInUse
from treadle_server.runs.hot import HotRuns
from treadle_server.runs.model import DefinitionView
from treadle_server.runs.settled import until_settled
from treadle_server.runs.turns import Turns

_PAGE = 500


class Retirement:
    """See the module's docstring."""

    def __init__(
        self, *, journal: Journal, hot: HotRuns, definitions: Definitions, turns: Turns
    ) -> None:
        self._journal = journal
        self._hot = hot
        self._definitions = definitions
        self._turns = turns

    async def change(
        self,
        namespace: str,
        workflow: str,
        version: int,
        state: VersionState,
        *,
        make_current: bool,
        force: bool,
    ) -> tuple[DefinitionView, int]:
        """Says what a version is for; how many open runs were paused for that. Raises `NotFound`,
        `VersionInUse`, `VersionNotActive`.
        """
        change = partial(
            self._definitions.change_version,
            namespace,
            workflow,
            version,
            state,
            make_current=make_current,
        )
        if state is not VersionState.RETIRED:
            return await change(), 0
        await self._definitions.until_decided(namespace, workflow, version)
        # Starts wait meanwhile; those that did not have to are found by their runs.
        with self._definitions.retiring(namespace, workflow, version):
            if not force:
                await self._must_be_unused(namespace, workflow, version)
            view = await change()
        return view, await self._pause_all(namespace, workflow, version) if force else 0

    async def _must_be_unused(self, namespace: str, workflow: str, version: int) -> None:
        """Raises `VersionInUse`."""
        await self._begun(namespace, workflow, version)
        one = next(self._open_runs(namespace, workflow, version), None)
        if one is not None:
            raise VersionInUse(
                f"runs of version {version} of {workflow!r} are open, {one.workflow_id!r} for one: "
                "wait for them, or force it, and they are paused",
                workflow_id=one.workflow_id,
            )

    async def _pause_all(self, namespace: str, workflow: str, version: int) -> int:
        """Pauses the open runs of a version that has been retired; says how many."""
        await self._begun(namespace, workflow, version)
        paused = 0
        pause = i.Pause(reason=f"version {version} of {workflow} was retired", actor="treadle")
        for row in self._open_runs(namespace, workflow, version):
            hot = await self._hot.load_usable(row.run_id)
            if hot is not None:
                applied = self._turns.apply(hot, [pause])
                paused += await until_settled(applied.settled)
        return paused

    async def _begun(self, namespace: str, workflow: str, version: int) -> None:
        """Waits until what has begun so far can be found in the journal."""
        for hot in self._hot.on_their_way(namespace, workflow, version):
            await until_settled(hot.settled)

    def _open_runs(self, namespace: str, workflow: str, version: int) -> Iterator[RunRow]:
        before: tuple[Instant, bytes] | None = None
        while rows := self._journal.list_runs(
            namespace, workflow=workflow, state=int(RunStage.RUNNING), before=before, limit=_PAGE
        ):
            yield from (row for row in rows if row.version == version)
            before = (rows[-1].start_time, rows[-1].run_id)
