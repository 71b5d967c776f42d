"""`Kit`: a whole Treadle in a test's own process."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Self

from treadle._client import channel as channels
from treadle.activities import Activity
from treadle.client import Client, RunHandle
from treadle.context import Context
from treadle.errors import ApplicationError, RunNotCompleted
from treadle.graph import Graph
from treadle.testing.channel import InProcessChannel
from treadle.testing.loop import NEVER_SECONDS, VirtualTimeLoop
from treadle.testing.mocks import Call, Mock, Observed, answering, mocked, observed_step
from treadle.testing.record import RunRecord
from treadle.testing.stillness import Stuck, explain
from treadle.testing.workers import TestWorker, working
from treadle.workflows import Workflow

if TYPE_CHECKING:
    from treadle._code.steps import StepCall
    from treadle.testing.serving import InProcessServer

START_TIME = datetime(2026, 1, 1, tzinfo=UTC)

_numbers = itertools.count(1)


class _PatientClient(Client):
    """Waits for a run's end with one call: nothing else wakes up while time jumps."""

    _longest_wait_seconds = 1.5 * NEVER_SECONDS


class Kit:
    """The real engine, server, client and worker in this process: memory for a journal, virtual
    time, activities of your own or in place of them.

        @virtual_time
        async def test_order() -> None:
            async with Kit([reserve, ship], mocks={"charge": {"id": "ch-1"}}) as kit:
                run = await kit.run(order_processing, {"id": 17})
                assert run.output == {"shipped": True}
                assert run.order == ["reserve", "charge", "ship"]

    To be used on a `VirtualTimeLoop`, which `virtual_time` makes for a test.

    Args:
        work: activities and workflows that run as they are.
        mocks: by the name of an activity or step, what answers in its place: a value, a `Mock`, or
            a function that gets what the activity or step would.
        start_time: what the server's clock says at first.
        seed: of all ids.
        forgetful: no run of code stays in memory; each is replayed from its beginning whenever
            there is something new. The same must come of it.

    While the test waits, time jumps to whatever comes next. Where nothing can come any more, what
    the test waits for raises `Stuck`, which says what each open run waits for.
    """

    def __init__(
        self,
        work: Iterable[Activity[..., Any] | Workflow[..., Any]] = (),
        *,
        mocks: Mapping[str, object] | None = None,
        start_time: datetime = START_TIME,
        seed: int = 0,
        forgetful: bool = False,
    ) -> None:
        in_place, self._mocks = mocked(mocks or {})
        self._in_place = {activity.name: activity for activity in in_place}
        self._work = [*(one for one in work if one.name not in self._in_place), *in_place]
        self._forgetful = forgetful
        self._start_time = start_time
        self._seed = seed
        self._workers: list[TestWorker] = []
        self._failures: dict[tuple[str, int], BaseException] = {}
        self._deaths: set[tuple[str, int]] = set()
        self._explaining: asyncio.Task[None] | None = None
        self.calls: list[Call] = []
        """Every attempt that reached an activity of the kit, in order."""

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        if not isinstance(loop, VirtualTimeLoop):
            raise TypeError(
                "a Kit needs a loop on virtual time: put @treadle.testing.virtual_time on the test"
            )
        self._loop = loop
        try:
            from treadle.testing.serving import InProcessServer
        except ImportError as error:
            raise ImportError(
                f"the test kit runs the server's code: pip install 'treadle[server]' ({error})"
            ) from error
        self._server: InProcessServer = InProcessServer(self._start_time, self._seed)
        self._server.start()
        self._channel = self._open_channel()
        self.address = f"kit-{next(_numbers)}"
        """For a client or a worker of your own."""
        channels.answer_in_this_process(self.address, self._open_channel)  # type: ignore[arg-type]
        self.client: Client = _PatientClient(self.address, connection=self._channel)  # type: ignore[arg-type]
        """A real client."""
        loop.when_still.append(self._stands_still)
        self._stack = AsyncExitStack()
        if self._work:
            await self._stack.enter_async_context(self.worker(*self._work))
        return self

    async def __aexit__(self, *_: object) -> None:
        self._loop.when_still.remove(self._stands_still)
        await self._stack.aclose()
        await self.client.close()
        await self._server.crash()
        channels.forget(self.address)

    # --- running --------------------------------------------------------------------------------

    async def start(
        self, workflow: Graph | Workflow[..., Any] | str, given: object = None, **options: Any
    ) -> RunHandle:
        """Starts a run; a workflow is deployed first. `options`: those of `Client.start`."""
        if isinstance(workflow, str):
            return await self.client.start(workflow, given, **options)
        definition = await self.client.deploy(workflow)
        if isinstance(workflow, Workflow):
            options.setdefault("version", workflow.version)
        return await self.client.start(definition.workflow, given, **options)

    async def run(
        self, workflow: Graph | Workflow[..., Any] | str, given: object = None, **options: Any
    ) -> RunRecord:
        """Starts a run, waits for its end, however it ends, and gives what it did."""
        return await self.finish(await self.start(workflow, given, **options))

    async def finish(self, handle: RunHandle) -> RunRecord:
        """Waits for a run's end, however it ends, and gives what it did."""
        with suppress(RunNotCompleted):
            await handle.result()
        return await self.record(handle)

    async def record(self, handle: RunHandle) -> RunRecord:
        """What a run has done so far."""
        description = await handle.describe(include_nodes=True)
        return RunRecord(description, [event async for event in handle.history()])

    @asynccontextmanager
    async def worker(
        self, *work: Activity[..., Any] | Workflow[..., Any], **options: Any
    ) -> AsyncIterator[None]:
        """One more worker, until the block ends. `options`: those of `Worker`."""

        def before(context: Context, given: Any) -> None:
            self._before(worker, context, given)

        observed = [one if isinstance(one, Workflow) else Observed(one, before) for one in work]
        if self._forgetful:
            options.setdefault("cached_runs", 0)
        worker = TestWorker(observed, self._open_channel, options, partial(self._stand_in, before))
        self._workers.append(worker)
        try:
            async with working(worker):
                yield
        finally:
            self._workers.remove(worker)

    def mock(self, activity: str) -> Mock:
        """The mock in place of an activity. Raises `KeyError`."""
        return self._mocks[activity]

    # --- time -----------------------------------------------------------------------------------

    def now(self) -> datetime:
        """What the server's clock says."""
        return datetime.fromtimestamp(self._server.now() / 1_000_000, UTC)

    async def advance(self, by: timedelta | float) -> None:
        """Lets so much time pass (seconds, if a number), with all that happens in it."""
        await asyncio.sleep(by.total_seconds() if isinstance(by, timedelta) else by)

    async def settle(self) -> None:
        """Lets everything happen that can happen without time passing."""
        await asyncio.sleep(1e-6)

    # --- faults ---------------------------------------------------------------------------------

    def fail(self, activity: str, error: BaseException, *, attempt: int = 1) -> None:
        """That attempt at an activity fails with this error instead of being made, in each run."""
        self._failures[activity, attempt] = error

    def kill_worker(self, activity: str, *, attempt: int = 1) -> None:
        """The worker dies when it begins that attempt, once; another one is started."""
        self._deaths.add((activity, attempt))

    async def crash_server(self) -> None:
        """The server dies and is started again on what it had written down."""
        await self._server.crash()
        self._server.start()

    # --- inside ---------------------------------------------------------------------------------

    def _open_channel(self) -> InProcessChannel:
        return InProcessChannel(lambda: self._server.listener)

    def _stand_in(
        self, before: Callable[[Context, Any], None], call: StepCall
    ) -> Callable[..., Any]:
        """What is called in place of a step's function."""
        function = call.function
        if call.name in self._mocks:
            function = answering(self._mocks[call.name])
        elif call.name in self._in_place:
            function = self._in_place[call.name].function
        return observed_step(function, before)

    def _before(self, worker: TestWorker, context: Context, given: Any) -> None:
        attempt = (context.activity_type, context.attempt)
        call = Call(
            activity=context.activity_type,
            key=context.key,
            attempt=context.attempt,
            input=given,
            run_id=context.run_id,
            idempotency_key=context.idempotency_key,
        )
        if attempt in self._deaths:
            self._deaths.remove(attempt)
            # Plain functions are in a thread; and this is before whatever comes of the attempt.
            self._loop.call_soon_threadsafe(worker.die)
            raise ApplicationError("this worker is dead")
        self.calls.append(call)
        if context.activity_type in self._mocks:
            self._mocks[context.activity_type].calls.append(call)
        if attempt in self._failures:
            raise self._failures[attempt]

    def _stands_still(self) -> bool:
        if not self._channel.waits or self._explaining is not None:
            return False
        self._explaining = asyncio.ensure_future(self._explain())
        return True

    async def _explain(self) -> None:
        # Through a channel of its own: the test's is the one to be interrupted.
        client = Client(self.address, connection=self._open_channel())  # type: ignore[arg-type]
        types = set().union(*(worker.types for worker in self._workers))
        text = await explain(client, types)
        self._channel.interrupt(Stuck(text))
        self._explaining = None
