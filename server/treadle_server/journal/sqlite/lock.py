"""The exclusive lock that keeps a second server, or anything else that writes, out of a journal."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from treadle_server.journal.port import JournalLocked


class FileLock:
    """A `flock` on a file beside the database, held from `acquire` to `release`.

    The kernel lets go of it when the process ends, however it ends. The file itself stays: removing
    it would let two processes lock two files of one name. What it holds is for people: who has it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None

    def acquire(self) -> None:
        """Raises `JournalLocked` if another process, or another journal in this one, has it."""
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(file, 100, 0).decode(errors="replace").strip() or "unknown"
            os.close(file)
            database = self._path.name.removesuffix(".lock")
            raise JournalLocked(
                f"another process (pid {holder}) has the journal {database} open; stop it, or give"
                " this one a journal of its own"
            ) from None
        os.ftruncate(file, 0)
        os.pwrite(file, f"{os.getpid()}\n".encode(), 0)
        self._file = file

    def release(self) -> None:
        """Lets go; calling it twice is no error."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
