"""Carries messages from run to run: external events, starts and ends of children.

A letter is a row in its sender's unit. It is delivered as an input of its receiver, and struck out
in the unit of that input; so it arrives, however often the server is killed, and changes something
once. What was on its way when the server was killed is read from the rows at the start.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence

import structlog

from treadle_server.engine import events as e
from treadle_server.engine import inputs as i
from treadle_server.engine.errors import Refusal, RunEnded, TooManyEvents
from treadle_server.engine.messages import MessageKind
from treadle_server.engine.transitions import RunStage
from treadle_server.engine.values import ChildEnd, Failure
from treadle_server.journal.codec import CodecError
from treadle_server.journal.port import Journal, JournalError, Key, Row, Table
from treadle_server.runs.errors import Busy, NotFound, RunNotFound, Stopping
from treadle_server.runs.hot import HotRuns
from treadle_server.runs.letters import Letter, read_letter
from treadle_server.runs.settled import until_settled
from treadle_server.runs.starts import Starts, not_started
from treadle_server.runs.turns import Turns, first_refusal

_PAGE = 500
_PUT_OFF_SECONDS = 0.1
_FULL_SECONDS = 5.0
"""A receiver that keeps as many events as it may is asked again so much later."""

_ACTOR = "parent run"

TOLD_AT_ONCE = 100
"""So many outcomes of children go into one turn of their parent, if they have gathered."""

_log = structlog.get_logger(component="runs")

_ENDS: dict[type[e.Event], ChildEnd] = {
    e.RunCompleted: ChildEnd.COMPLETED,
    e.RunFailed: ChildEnd.FAILED,
    e.RunCancelled: ChildEnd.CANCELLED,
    e.RunTimedOut: ChildEnd.TIMED_OUT,
    e.RunTerminated: ChildEnd.TERMINATED,
}


class Messages:
    """See the module's docstring. One task per receiver that has letters; none otherwise."""

    def __init__(self, *, journal: Journal, hot: HotRuns, starts: Starts, turns: Turns) -> None:
        self._journal = journal
        self._hot = hot
        self._starts = starts
        self._turns = turns
        self._waiting: dict[str, deque[Letter]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._on_their_way: set[Key] = set()
        self._recovering = False
        """Older letters are still being read, which go before what is posted meanwhile."""
        self._held: list[Letter] = []
        turns.post = self.post

    def post(self, letters: Sequence[Letter]) -> None:
        """Delivers letters whose rows are committed, each receiver's in order."""
        if self._recovering:
            self._held += letters
        else:
            self._post(letters)

    def _post(self, letters: Sequence[Letter]) -> None:
        for letter in letters:
            if letter.row.key in self._on_their_way:
                continue
            self._on_their_way.add(letter.row.key)
            queue = self._waiting.get(letter.receiver)
            if queue is not None:
                queue.append(letter)
                continue
            self._waiting[letter.receiver] = deque([letter])
            self._spawn(letter.receiver)

    def recover(self) -> None:
        """Delivers what was on its way when the server ended."""
        self._recovering = True
        task = asyncio.get_running_loop().create_task(self._recover())
        self._keep(task)

    async def stop(self) -> None:
        """Delivers nothing more; the rows stay for the next start."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def sends(self, run_id: bytes) -> bool:
        """Whether something that a run has said is, or may be, still on its way."""
        return self._recovering or any(
            letter.sender == run_id for queue in self._waiting.values() for letter in queue
        )

    def __len__(self) -> int:
        return sum(len(queue) for queue in self._waiting.values())

    async def _recover(self) -> None:
        low: Key = ("",)
        try:
            while rows := self._journal.scan(Table.INBOX, low, ("\U0010ffff",), _PAGE):
                self._post([letter for row in rows if (letter := self._read(row)) is not None])
                low = (*rows[-1].key[:-1], _after(rows[-1].key[-1]))
                await asyncio.sleep(0)
        finally:
            self._recovering = False
        held, self._held = self._held, []
        there = self._journal.get(Table.INBOX, [one.row.key for one in held])
        self._post([one for one, row in zip(held, there, strict=True) if row is not None])

    def _read(self, row: Row) -> Letter | None:
        try:
            return read_letter(self._journal, row)
        except CodecError as error:
            _log.error("a message cannot be read", key=row.key, exc_info=error)
            return None

    def _spawn(self, receiver: str) -> None:
        self._keep(asyncio.get_running_loop().create_task(self._deliver_all(receiver)))

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver_all(self, receiver: str) -> None:
        queue = self._waiting[receiver]
        try:
            while queue:
                together = _together(queue)
                await self._deliver(together)
                for letter in together:
                    self._on_their_way.discard(letter.row.key)
                    queue.popleft()
        except (Stopping, JournalError):
            pass  # the rows are there at the next start
        finally:
            del self._waiting[receiver]

    async def _deliver(self, letters: list[Letter]) -> None:
        while True:
            try:
                if await self._try_or_strike_out(letters):
                    return
            except Busy:
                pass
            except TooManyEvents:
                await asyncio.sleep(_FULL_SECONDS)
            except (Stopping, JournalError, asyncio.CancelledError):
                raise
            except Exception as error:  # noqa: BLE001 - one letter must not stop the others
                key = letters[0].row.key
                _log.error("a message could not be delivered", key=key, exc_info=error)
                return
            await asyncio.sleep(_PUT_OFF_SECONDS)

    async def _try_or_strike_out(self, letters: list[Letter]) -> bool:
        delivered = [row for letter in letters for row in letter.delivered]
        try:
            if len(letters) == 1:
                return await self._try(letters[0])
            told = [_told(letter) for letter in letters]
            return await self._apply(letters[0].message.run_id, told, delivered)
        except (NotFound, RunEnded):
            # Nobody is there to be told any more.
            self._turns.discard(delivered)
            return True

    async def _try(self, letter: Letter) -> bool:
        """Whether it is delivered; False: once more. Raises what the receiver refuses."""
        message = letter.message
        if message.kind is MessageKind.START_CHILD:
            return await self._start(letter)
        if message.kind is MessageKind.START_NEXT:
            return await self._start_next(letter)
        run_id = message.run_id
        if isinstance(message.event, e.EventSent) and not message.event.workflow_id:
            one = _input(letter)
            assert isinstance(one, i.ReceiveEvent)
            await self.broadcast(letter.namespace, one, asked=False)
            self._turns.discard(letter.delivered)
            return True
        if isinstance(message.event, e.EventSent):
            row = self._journal.find_run(letter.namespace, message.event.workflow_id)
            if row is not None and row.state == RunStage.CONTINUED:
                return False  # the next run begins in a moment
            if row is None or row.end_time is not None:
                raise RunNotFound(f"no open run has workflow id {message.event.workflow_id!r}")
            run_id = row.run_id
        return await self._apply(run_id, [_input(letter)], letter.delivered)

    async def broadcast(self, namespace: str, event: i.ReceiveEvent, *, asked: bool = True) -> int:
        """Gives an event to every open run that waits for one of its name; to how many. A repeat
        with the same id reaches those that were missed. Raises `Busy`, `Stopping`.
        """
        low: Key = (namespace, event.name)
        high: Key = (namespace, event.name + "\0")
        settled = []
        while rows := self._journal.scan(Table.WAIT, low, high, _PAGE):
            for run_id in dict.fromkeys(row.key[2] for row in rows):
                assert isinstance(run_id, bytes)
                hot = await self._hot.load_usable(run_id)
                if hot is None:
                    continue
                applied = self._turns.apply(hot, [event], asked=asked)
                if not isinstance(applied.answers[0], Refusal):
                    settled.append(applied.settled)
            low = (*rows[-1].key, "")
            await asyncio.sleep(0)
        return sum([await until_settled(one) for one in settled])

    async def _apply(
        self, run_id: bytes, inputs: Sequence[i.Input], delivered: Sequence[tuple[Table, Key]]
    ) -> bool:
        hot = await self._hot.load_open(run_id)
        if hot is None:
            raise RunEnded("the run has ended")
        applied = self._turns.apply(hot, inputs, deletes=delivered, asked=False)
        committed = await until_settled(applied.settled)
        refusal = first_refusal(applied.answers)
        if refusal is not None:
            raise refusal
        return committed

    async def _start(self, letter: Letter) -> bool:
        requested = letter.message.event
        assert isinstance(requested, e.ChildRequested)
        failure = await self._starts.start_child(
            letter.namespace, letter.sender, requested, letter.delivered
        )
        if failure is None:
            return True
        told = i.NoteChild(key=requested.key, end=ChildEnd.FAILED, failure=failure)
        return await self._apply(letter.sender, [told], letter.delivered)

    async def _start_next(self, letter: Letter) -> bool:
        continued = letter.message.event
        assert isinstance(continued, e.RunContinued)
        try:
            return await self._starts.start_next(
                letter.namespace, letter.sender, continued, letter.delivered
            )
        except NotFound as error:
            _log.error("a run has none to go on as", run_id=letter.sender.hex(), error=str(error))
            if not continued.parent_run_id:
                raise
            failure = not_started(str(error))
            told = i.NoteChild(key=continued.parent_key, end=ChildEnd.FAILED, failure=failure)
            return await self._apply(continued.parent_run_id, [told], letter.delivered)


def _together(letters: Iterable[Letter]) -> list[Letter]:
    """Those at the front that can go in one turn: what became of children is never refused, so that
    they are all delivered or none is.
    """
    found: list[Letter] = []
    for letter in letters:
        tells = letter.message.kind is MessageKind.TELL_PARENT
        if found and not (tells and len(found) < TOLD_AT_ONCE):
            break
        found.append(letter)
        if not tells:
            break
    return found


def _input(letter: Letter) -> i.Input:
    message, event = letter.message, letter.message.event
    match message.kind:
        case MessageKind.EVENT:
            assert isinstance(event, e.EventSent)
            return i.ReceiveEvent(
                event_id=event.event_id,
                name=event.name,
                payload=event.payload,
                actor=f"run {letter.sender.hex()}",
            )
        case MessageKind.CANCEL_CHILD:
            return i.RequestCancel(reason="its parent asked", actor=_ACTOR)
        case MessageKind.TERMINATE_CHILD:
            return i.Terminate(reason="its parent ended", actor=_ACTOR)
        case _:
            return _told(letter)


def _told(letter: Letter) -> i.NoteChild:
    event = letter.message.event
    output = event.output if isinstance(event, e.RunCompleted) else None
    failure: Failure | None = event.failure if isinstance(event, e.RunFailed) else None
    return i.NoteChild(
        key=letter.message.key,
        end=_ENDS.get(type(event)),
        output=output,
        failure=failure,
    )


def _after(part: object) -> int:
    assert isinstance(part, int)
    return part + 1
