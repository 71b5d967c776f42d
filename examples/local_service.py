"""A Treadle of one's own for an example: a real server and real workers, as processes on this
machine.

The processes are the ones that `treadle server` and `treadle worker` start. Their logs go to files
beside the journal. They can be killed as a power cut would (`kill`), and started again.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from treadle import BlockingClient, TreadleError

REPOSITORY = Path(__file__).resolve().parents[1]
"""Where workers run, so that they can import `examples`."""

TREADLE = Path(sys.executable).with_name("treadle")
"""The command line's program, installed beside the Python that runs this."""

READY_SECONDS = 30.0
STOP_SECONDS = 20.0


class ServiceFailed(Exception):
    """A process did not start, or ended by itself. The message has the end of its log."""


class Process:
    """A process that can be started, stopped, killed and started again; its log is appended to."""

    def __init__(
        self, name: str, arguments: Sequence[str], folder: Path, environment: Mapping[str, str]
    ) -> None:
        self.name = name
        self.command = [str(TREADLE), *arguments]
        self.log = folder / f"{name}.log"
        self._environment = {**os.environ, **environment}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process's id; 0 if it does not run."""
        return self._process.pid if self._process is not None else 0

    def start(self) -> None:
        """Starts it; the process then belongs to us alone: Ctrl-C in the terminal is not its."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.command,
                cwd=REPOSITORY,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def check(self) -> None:
        """Raises `ServiceFailed` if it has ended by itself."""
        if self._process is None or self._process.poll() is None:
            return
        tail = self.log.read_text(errors="replace").strip().splitlines()[-15:]
        raise ServiceFailed(
            "\n".join(
                [
                    f"{self.name} ended with status {self._process.returncode}: "
                    + shlex.join(self.command),
                    *(f"  {line}" for line in tail),
                ]
            )
        )

    def kill(self) -> None:
        """kill -9: the process gets no chance to say anything."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Asks it to stop (SIGTERM), and kills it if it does not."""
        self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        process.send_signal(number)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class LocalService:
    """A server on a free port of 127.0.0.1, its journal in `folder`, and any number of workers."""

    def __init__(
        self,
        folder: Path,
        *,
        address: str | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self.address = address or free_address()
        self._environment = dict(environment or {})
        self.data_dir = folder / "journal"
        self.server = self._process(
            "server", ["server", "--address", self.address, "--data-dir", str(self.data_dir)]
        )
        self.workers: list[Process] = []

    def start_server(self) -> None:
        """Starts the server and waits until it answers. Raises `ServiceFailed`."""
        self.server.start()
        give_up_at = time.monotonic() + READY_SECONDS
        with self.client(retry_seconds=0) as client:
            while True:
                self.server.check()
                try:
                    next(iter(client.list_definitions(page_size=1)), None)
                    return
                except TreadleError as error:
                    if time.monotonic() > give_up_at:
                        raise ServiceFailed(
                            f"the server does not answer at {self.address}: {error}\n"
                            f"its log: {self.server.log}"
                        ) from error
                time.sleep(0.05)

    def start_worker(self, module: str, *options: str) -> Process:
        """Starts one more worker of a module's activities."""
        name = f"worker-{len(self.workers) + 1}"
        worker = self._process(name, ["worker", module, "--address", self.address, *options])
        worker.start()
        self.workers.append(worker)
        return worker

    def client(self, *, retry_seconds: float = 30.0) -> BlockingClient:
        """A client of this server; it outlasts a restart of up to `retry_seconds`."""
        return BlockingClient(self.address, retry_seconds=retry_seconds)

    def check(self) -> None:
        """Raises `ServiceFailed` if a process has ended by itself."""
        for process in (self.server, *self.workers):
            process.check()

    def stop(self) -> None:
        """Stops the workers, which still report what they have, then the server."""
        for process in (*self.workers, self.server):
            process.stop()

    def _process(self, name: str, arguments: Sequence[str]) -> Process:
        return Process(name, arguments, self.folder, self._environment)


@contextlib.contextmanager
def local_service(
    folder: Path, *, environment: Mapping[str, str] | None = None
) -> Iterator[LocalService]:
    """A service whose server runs; all its processes are stopped at the end."""
    service = LocalService(folder, environment=environment)
    try:
        service.start_server()
        yield service
    finally:
        service.stop()


def free_address() -> str:
    """An address of this machine that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"
