"""Updates: what is asked of code, and its answer, once for each update id."""

from __future__ import annotations

import asyncio

from treadle_server.engine.code import CodeProgress
from treadle_server.engine.errors import Refusal, RunEnded
from treadle_server.engine.events import UpdateAnswered
from treadle_server.engine.inputs import ReceiveUpdate
from treadle_server.engine.values import Duration, Failure, FailureKind
from treadle_server.runs.errors import Stopping
from treadle_server.runs.hot import HotRun, HotRuns
from treadle_server.runs.model import RunReference
from treadle_server.runs.query import Queries
from treadle_server.runs.settled import until_settled
from treadle_server.runs.turns import Turns


class Updates:
    """See the module's docstring."""

    def __init__(self, *, hot: HotRuns, queries: Queries, turns: Turns) -> None:
        self._hot = hot
        self._queries = queries
        self._turns = turns

    async def update(
        self, reference: RunReference, request: ReceiveUpdate, wait: Duration
    ) -> UpdateAnswered | None:
        """The answer if it came in time. Raises `NotFound`, `NoUpdates`,
        `TooManyUpdates`, `RunEnded`.
        """
        run_id = self._queries.find(reference).run_id
        with self._hot.watched(run_id) as changed:
            hot = await self._hot.load(run_id)
            if not hot.state.ended:
                await self._ask(hot, request)
            try:
                async with asyncio.timeout(wait / 1_000_000):
                    return await self._answer(run_id, request, changed)
            except TimeoutError:
                return None

    async def _ask(self, hot: HotRun, request: ReceiveUpdate) -> None:
        applied = self._turns.apply(hot, [request])
        committed = await until_settled(applied.settled)
        [answer] = applied.answers
        if isinstance(answer, Refusal):
            raise answer
        if not committed:
            raise Stopping("the update could not be written down; send it again")

    async def _answer(
        self, run_id: bytes, request: ReceiveUpdate, changed: asyncio.Event
    ) -> UpdateAnswered:
        while True:
            changed.clear()
            hot = await self._hot.load(run_id)
            committed = await until_settled(hot.settled)
            progress = hot.state.progress
            if committed and isinstance(progress, CodeProgress):
                answer = progress.updates.get(request.update_id)
                if answer is not None:
                    return answer
                if hot.state.ended and request.update_id in progress.updates:
                    return _unanswered(request.update_id)
            if committed and hot.state.ended:
                raise RunEnded("the run has ended", state=hot.state.stage.name)
            if self._queries.stopping:
                again = f"ask again with the update id {request.update_id!r}"
                raise Stopping(f"the server is stopping; {again}")
            await changed.wait()


def _unanswered(update_id: str) -> UpdateAnswered:
    failure = Failure(
        kind=FailureKind.RUN_ENDED, message="the run ended before it answered the update"
    )
    return UpdateAnswered(update_id=update_id, failure=failure)
