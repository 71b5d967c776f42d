"""The journal in one SQLite file, the default."""

from treadle_server.journal.sqlite.journal import SqliteJournal

__all__ = ["SqliteJournal"]
