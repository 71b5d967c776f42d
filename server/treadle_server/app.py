"""The composition root: builds every part, starts and stops them in order. The only place that
does.

Starting: lock and open the journal, recover, listen, serve. Stopping: say so (health), answer who
waits, stop listening, let the last commits finish, close. If the journal fails, nothing is
acknowledged any more and the process ends; the next start recovers.
"""

from __future__ import annotations

import asyncio
import gc
import os
import secrets
import signal
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version as installed_version
from pathlib import Path

import structlog

from treadle_server.api.local_socket import SECRET_BYTES, LocalSocket
from treadle_server.api.server import AddressUnusable, ApiServer
from treadle_server.clock import SystemClock
from treadle_server.config import ServerConfig
from treadle_server.engine import turn
from treadle_server.engine.events import Event
from treadle_server.ids import RandomIds
from treadle_server.journal.codec import CodecError, decode_batch
from treadle_server.journal.memory import MemoryJournal
from treadle_server.journal.port import Info, Journal, JournalError, Row, Table, Unit
from treadle_server.journal.sqlite.journal import SqliteJournal
from treadle_server.journal.writer import ThreadWriter
from treadle_server.runs.service import Runs
from treadle_server.telemetry.counters import Metrics
from treadle_server.telemetry.environment import InvalidEnvironment, Settings, read_environment
from treadle_server.telemetry.exporter import ExportRecord, TraceExporter, open_trace_exporter
from treadle_server.telemetry.log_export import open_logger_provider, sink
from treadle_server.telemetry.logs import InvalidLogLevel, configure_logs
from treadle_server.telemetry.metrics import Gauges, open_meter_provider, register
from treadle_server.telemetry.otlp import resource_of_process

EXIT_OK = 0
EXIT_CANNOT_START = 1
EXIT_JOURNAL_FAILED = 70
"""As EX_SOFTWARE of sysexits: the supervisor should start the server again."""

JOURNAL_FILE = "treadle.db"
_SECRET = ("token_secret",)
_CURSOR = ("trace_cursor",)
_FLUSH_SECONDS = 5.0
_COMPILED = not str(turn.__file__).endswith(".py")
"""Whether this is the build whose hot path is compiled (`tools/compile_server`)."""

_log = structlog.get_logger(component="server")


class Server:
    """One server with all its parts. `failed` is set when the journal has failed."""

    def __init__(self, config: ServerConfig, settings: Settings) -> None:
        self._config = config
        self._settings = settings
        self._exporter: TraceExporter | None = None
        self.failed = asyncio.Event()
        self.metrics = Metrics()
        self.journal: Journal = (
            MemoryJournal() if config.in_memory else SqliteJournal(config.data_dir / JOURNAL_FILE)
        )

    async def start(self) -> str:
        """Opens, recovers, listens; gives the address. Raises `JournalError`, `AddressUnusable`."""
        journal = self.journal
        info = journal.open()
        self._clock = SystemClock(not_before=_newest_time(journal, info))
        self._writer = ThreadWriter(journal, on_failure=self._fail)
        self.runs = Runs(
            clock=self._clock,
            ids=RandomIds(),
            journal=journal,
            writer=self._writer,
            token_secret=await self._token_secret(),
            committed=self._committed,
            retention=self._config.retention,
        )
        self._api = ApiServer(
            self.runs,
            self._clock,
            self._config.address,
            secrets.token_bytes(32),
            sampling_ratio=self._settings.sampling_ratio,
            local_socket=self._local_socket(),
        )
        address = await self._api.start()
        await self._start_telemetry(info)
        self.runs.start_serving(info)
        await self._api.set_serving(True)
        _log.info(
            "serving",
            address=address,
            journal=info.engine,
            records=info.position,
            compiled=_COMPILED,
        )
        return address

    async def stop(self, grace_seconds: float) -> None:
        """Stops in order; safe to call after a failure."""
        await self._api.set_serving(False)
        self.runs.drain()
        await self._api.stop(grace_seconds)
        await self.runs.stop()
        if self._exporter is not None:
            await self._exporter.close(0 if self.failed.is_set() else _FLUSH_SECONDS)
        if self._settings.metrics:
            await asyncio.to_thread(self._meter_provider.shutdown)
        if self._settings.logs:
            sink.detach()
            await asyncio.to_thread(self._logger_provider.shutdown)
        await self._writer.close()
        self.journal.close()

    def _local_socket(self) -> LocalSocket | None:
        config = self._config
        if not config.local_socket:
            return None
        return LocalSocket(
            None if config.in_memory else config.data_dir,
            greeting=secrets.token_bytes(SECRET_BYTES),
            ticket=secrets.token_bytes(SECRET_BYTES),
        )

    def _fail(self, error: BaseException) -> None:
        # Called from the writer's thread or loop; what the disk holds is unknown until it is opened
        # again.
        _log.error("the journal failed; stopping", error=str(error))
        asyncio.get_running_loop().call_soon(self.failed.set)

    def _committed(self, events: Sequence[Event], position: int) -> None:
        self.metrics.count(events)
        if self._exporter is not None:
            self._exporter.notify(position)

    async def _token_secret(self) -> bytes:
        [row] = self.journal.get(Table.META, [_SECRET])
        if row is not None:
            return row.value
        secret = secrets.token_bytes(32)
        await self._writer.submit(Unit(puts=[Row(Table.META, _SECRET, secret)]))
        return secret

    # --- telemetry --------------------------------------------------------------------------------

    async def _start_telemetry(self, info: Info) -> None:
        for problem in self._settings.problems:
            _log.warning(problem)
        settings = self._settings
        if not (settings.traces or settings.metrics or settings.logs):
            return
        resource = resource_of_process({})
        if self._settings.traces:
            [row] = self.journal.get(Table.META, [_CURSOR])
            self._exporter = open_trace_exporter(
                self._read_log,
                self._save_cursor,
                info.position if row is None else int(row.value),
                settings=self._settings,
                resource=resource,
                version=installed_version("treadle"),
                metrics=self.metrics,
            )
            self._exporter.start()
            self.runs.keep_unexported(lambda: self._exporter.cursor if self._exporter else 0)
            self._exporter.notify(info.position)
        if settings.logs:
            self._logger_provider = open_logger_provider(resource, compress=settings.compress_logs)
            sink.attach(self._logger_provider)
        if settings.metrics:
            self._meter_provider = open_meter_provider(resource, compress=settings.compress_metrics)
            register(self._meter_provider.get_meter("treadle"), self.metrics, self._gauges())

    def _gauges(self) -> Gauges:
        return Gauges(
            loaded_runs=self.runs.loaded_runs,
            parked_polls=self.runs.parked_polls,
            waiting_tasks=self.runs.waiting_tasks,
            unexported_records=lambda: 0 if self._exporter is None else self._exporter.lag,
        )

    async def _read_log(self, after_position: int, limit: int) -> list[ExportRecord]:
        return await asyncio.to_thread(read_for_export, self.journal, after_position, limit)

    async def _save_cursor(self, position: int) -> None:
        await self._writer.submit(Unit(puts=[Row(Table.META, _CURSOR, str(position).encode())]))


def read_for_export(journal: Journal, after_position: int, limit: int) -> list[ExportRecord]:
    """Records in commit order; one that is damaged is without events, as the traces of all others
    lie behind it.
    """
    found: list[ExportRecord] = []
    for record in journal.read_log(after_position, limit):
        events: Sequence[Event] = ()
        try:
            events = decode_batch(record.body)
        except CodecError as error:
            _log.error(
                "a record cannot be read; its spans are missing",
                position=record.position,
                run_id=record.run_id.hex(),
                error=str(error),
            )
        found.append(ExportRecord(record.position, record.run_id, events))
    return found


def _newest_time(journal: Journal, info: Info) -> int:
    newest = journal.read_log(info.position - 1, 1) if info.position else []
    return newest[0].time if newest else 0


async def serve(config: ServerConfig, settings: Settings) -> int:
    """Serves until SIGTERM, SIGINT or a failure of the journal; gives the exit code."""
    server = Server(config, settings)
    try:
        await server.start()
    except (JournalError, AddressUnusable) as error:
        _log.error("cannot start", error=str(error))
        return EXIT_CANNOT_START
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _on_signal, stop)
    waiting = [asyncio.ensure_future(stop.wait()), asyncio.ensure_future(server.failed.wait())]
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    for one in waiting:
        one.cancel()
    failed = server.failed.is_set()
    await server.stop(0 if failed else config.stop_grace_seconds)
    return EXIT_JOURNAL_FAILED if failed else EXIT_OK


def _on_signal(stop: asyncio.Event) -> None:
    if stop.is_set():
        # The second one: at once. Nothing that was acknowledged can be lost by that.
        os._exit(EXIT_CANNOT_START)
    _log.info("stopping; once more to stop at once")
    stop.set()


def run_server(config: ServerConfig) -> int:
    """Runs a server in this process; gives the exit code."""
    try:
        configure_logs(os.environ, sys.stderr)
        settings = read_environment(os.environ)
    except (InvalidLogLevel, InvalidEnvironment) as error:
        print(f"treadle server: {error}", file=sys.stderr)
        return EXIT_CANNOT_START
    try:
        if not config.in_memory:
            Path(config.data_dir).mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        reason = f"cannot make the folder {config.data_dir}: {error.strerror or error}"
        print(f"treadle server: {reason}; choose another with --data-dir", file=sys.stderr)
        return EXIT_CANNOT_START
    _collect_rarely()
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(serve(config, settings))


def _collect_rarely() -> None:
    """Keeps Python's cycle collector from stopping the loop for long.

    A full collection looks at every object: 17 ms with a map over 100,000 items in memory, several
    times a second with Python's own thresholds. What the server keeps has no cycles; those of
    finished tasks and exceptions are young and found by the cheap collections.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 100)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop where it is installed: 10 to 40 % faster; else asyncio's own loop."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop
