"""A journal that tests look into while a writer uses it."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence

from treadle_server.journal.memory import MemoryJournal
from treadle_server.journal.port import Outcome, Table, Unit


class WatchedJournal(MemoryJournal):
    """Keeps what was asked of it, and by whom; waits or fails when told to."""

    def __init__(self) -> None:
        super().__init__()
        self.commits: list[list[Unit]] = []
        self.threads: set[int] = set()
        self.may_commit = threading.Event()
        self.may_commit.set()
        self.in_commit = threading.Event()
        self.failure: BaseException | None = None
        self._in_use = threading.Lock()

    def commit(self, units: Sequence[Unit]) -> list[Outcome]:
        with self._used():
            self.commits.append(list(units))
            self.in_commit.set()
            self.may_commit.wait()
            if self.failure is not None:
                raise self.failure
            return super().commit(units)

    def trim(self, table: Table, before: int, limit: int) -> int:
        with self._used():
            if self.failure is not None:
                raise self.failure
            return super().trim(table, before, limit)

    @contextlib.contextmanager
    def _used(self) -> Iterator[None]:
        self.threads.add(threading.get_ident())
        assert self._in_use.acquire(blocking=False), "two threads at the same time"
        try:
            yield
        finally:
            self._in_use.release()
