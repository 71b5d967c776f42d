"""Taking versions out of use: what of their runs stands in the way."""

from __future__ import annotations

from collections.abc import Iterator

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
        retires = state is VersionState.RETIRED
        open_runs = self._open_runs(namespace, workflow, version) if retires else iter(())
        if retires and not force and (one := next(open_runs, None)) is not None:
            raise VersionInUse(
                f"runs of version {version} of {workflow!r} are open, {one.workflow_id!r} for one: "
                "wait for them, or force it, and they are paused",
                workflow_id=one.workflow_id,
            )
        view = await self._definitions.change_version(
            namespace, workflow, version, state, make_current=make_current
        )
        paused = 0
        pause = i.Pause(reason=f"version {version} of {workflow} was retired", actor="treadle")
        for row in open_runs:
            hot = await self._hot.load_open(row.run_id)
            if hot is not None:
                applied = self._turns.apply(hot, [pause])
                paused += await until_settled(applied.settled)
        return view, paused

    def _open_runs(self, namespace: str, workflow: str, version: int) -> Iterator[RunRow]:
        before: tuple[Instant, bytes] | None = None
        while rows := self._journal.list_runs(
            namespace, workflow=workflow, state=int(RunStage.RUNNING), before=before, limit=_PAGE
        ):
            yield from (row for row in rows if row.version == version)
            before = (rows[-1].start_time, rows[-1].run_id)
