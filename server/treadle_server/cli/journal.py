"""`treadle journal`: look into a journal or copy it, offline or while its server runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from treadle_server.cli.command import Group
from treadle_server.cli.exit_codes import CommandFailed, ExitCode, missing_extra
from treadle_server.cli.options import OutputFormat, Settings, output_options
from treadle_server.cli.server import data_dir_option, default_data_dir

if TYPE_CHECKING:
    from treadle_server.cli.screen import Screen
    from treadle_server.journal.port import Finding, Journal, Record, Stats
    from treadle_server.journal.sqlite import SqliteJournal

_FILE_NAME = "treadle.db"


@click.group(
    cls=Group,
    examples=[
        ("Prove that nothing is lost", "treadle journal check"),
        ("How large it is", "treadle journal stats --data-dir ./data"),
        ("A copy to keep", "treadle journal backup treadle-2026-11-23.db"),
    ],
)
def journal() -> None:
    """Look into a journal or copy it, offline or while its server runs.

    The journal is only read; a running server goes on.
    """


@journal.command(
    examples=[
        ("The journal in your data folder", "treadle journal check"),
        ("In a script: exit code 1 if anything was found", "treadle journal check -q -o json"),
    ],
)
@data_dir_option
@output_options
@click.pass_obj
def check(settings: Settings, data_dir: Path | None) -> int:
    """Prove that a journal is whole.

    First the file: its pages, its checksums, and that no record is missing. Then every run: its
    events fold, no timer is lost, no task is orphaned, no lease has leaked. A finding makes the
    exit code 1.
    """
    from treadle_server.cli.screen import Screen

    screen = Screen(settings)
    with _opened(data_dir) as (path, opened):
        screen.note(f"Checking {path}")
        # Of one moment: what a server writes meanwhile would not fit what was read before.
        with opened.frozen():
            findings = list(_checked(screen, opened))
            stats = opened.stats()
    if settings.output is not OutputFormat.TABLE:
        _print_plain(settings.output, stats, findings)
    elif findings:
        _print_findings(screen, findings)
    else:
        counts = f"{stats.runs:,} runs ({stats.open_runs:,} open), {stats.records:,} records"
        screen.line(f"clean: {counts}, {_size(stats.file_bytes + stats.wal_bytes)}")
    if findings:
        screen.note(f"{len(findings):,} findings. Restore a backup, or ask for help with them.")
    return ExitCode.FAILURE if findings else ExitCode.OK


def _checked(screen: Screen, opened: Journal) -> Iterator[Finding]:
    from treadle_server.runs.check import check_journal

    with screen.progress("the file"):
        yield from _counted(
            screen, "the file: its pages, its checksums, no record missing", opened.check()
        )
    with screen.progress("every run") as say:
        followed = cast("Journal", _Followed(opened, say))
        yield from _counted(
            screen, "every run: its events, timers, tasks and leases", check_journal(followed)
        )


def _counted(screen: Screen, what: str, findings: Iterable[Finding]) -> Iterator[Finding]:
    count = 0
    for finding in findings:
        count += 1
        yield finding
    screen.note(f"{f'{count:,} found' if count else 'nothing found':>13}  {what}")


class _Followed:
    """A journal that says how far its log has been read."""

    def __init__(self, journal: Journal, say: Callable[[str], None]) -> None:
        self._journal = journal
        self._records = journal.stats().records
        self._say = say

    def __getattr__(self, name: str) -> Any:
        return getattr(self._journal, name)

    def read_log(self, after_position: int, limit: int) -> list[Record]:
        """As the journal does."""
        self._say(f"{after_position:,} of {self._records:,} records")
        return self._journal.read_log(after_position, limit)


def _print_findings(screen: Screen, findings: list[Finding]) -> None:
    from treadle_server.cli.screen import Column, Styled, Table, printable

    table = Table((Column("RULE"), Column("ABOUT", narrow="fold"), Column("FOUND", narrow="fold")))
    for finding in findings:
        rule = Styled(finding.rule, "bold red")
        table.rows.append((rule, printable(finding.subject), printable(finding.message)))
    screen.table(table)


def _print_plain(output: OutputFormat, stats: Stats, findings: list[Finding]) -> None:
    from treadle_server.cli.messages import print_plain

    if output is OutputFormat.JSONL:
        for finding in findings:
            print_plain(asdict(finding), output)
    else:
        listed = [asdict(finding) for finding in findings]
        print_plain({"clean": not findings, "stats": asdict(stats), "findings": listed}, output)


@journal.command(examples=[("Numbers for a script", "treadle journal stats -o json")])
@data_dir_option
@output_options
@click.pass_obj
def stats(settings: Settings, data_dir: Path | None) -> None:
    """Show how large a journal is. Counts may be estimates."""
    from treadle_server.cli.messages import print_plain
    from treadle_server.cli.screen import Column, Screen, Styled, Table

    with _opened(data_dir) as (path, opened):
        found = opened.stats()
    if settings.output is not OutputFormat.TABLE:
        print_plain(asdict(found), settings.output)
        return
    facts = [
        ("journal", str(path)),
        ("runs", f"{found.runs:,}"),
        ("open runs", f"{found.open_runs:,}"),
        ("ready tasks", f"{found.ready:,}"),
        ("records", f"{found.records:,}"),
        ("file", _size(found.file_bytes)),
        ("write-ahead log", _size(found.wal_bytes)),
    ]
    table = Table((Column(), Column(narrow="fold")))
    table.rows += [(Styled(name, "dim"), value) for name, value in facts]
    Screen(settings).table(table)


@journal.command(
    examples=[
        ("A copy, while the server runs", "treadle journal backup treadle-2026-11-23.db"),
        (
            "Put it back, while no server runs",
            "rm -f ./data/treadle.db-wal ./data/treadle.db-shm\n"
            "cp treadle-2026-11-23.db ./data/treadle.db\n"
            "treadle journal check --data-dir ./data",
        ),
    ],
)
@data_dir_option
@click.argument("target", metavar="FILE", type=click.Path(path_type=Path))
@output_options
@click.pass_obj
def backup(settings: Settings, data_dir: Path | None, target: Path) -> None:
    """Write a consistent copy of a journal to the new file FILE.

    The copy is of one moment, also while its server runs, and is complete or not there. It is a
    journal: as treadle.db in a data folder it is served and checked. FILE must not exist yet.
    """
    from treadle_server.cli.messages import print_plain
    from treadle_server.cli.screen import Screen

    screen = Screen(settings)
    with _opened(data_dir) as (path, opened):
        try:
            with screen.progress(f"copying {path}"):
                opened.backup(target)
        except OSError as error:
            why = f"{error.strerror}: {target}" if error.strerror else str(error)
            raise CommandFailed(f"no backup was written: {why}") from error
    size = target.stat().st_size
    if settings.output is OutputFormat.TABLE:
        screen.line(f"{target}: {_size(size)}")
    else:
        print_plain({"file": str(target), "bytes": size}, settings.output)


@contextmanager
def _opened(data_dir: Path | None) -> Iterator[tuple[Path, SqliteJournal]]:
    """The journal of a data folder, to read. Raises `CommandFailed` if it cannot be read."""
    try:
        from treadle_server.journal.port import JournalError
        from treadle_server.journal.sqlite import SqliteJournal
    except ImportError as error:
        missing_extra("looking into a journal", "server", error)
    path = (data_dir or default_data_dir()) / _FILE_NAME
    if not path.is_file():
        raise CommandFailed(f"there is no journal {path}; --data-dir says where", ExitCode.USAGE)
    _silence_logs()
    opened = SqliteJournal(path, read_only=True)
    try:
        opened.open()
        yield path, opened
    except JournalError as error:
        raise CommandFailed(str(error)) from error
    finally:
        opened.close()


def _silence_logs() -> None:
    """structlog logs to stdout unless it is told otherwise, and stdout is for data."""
    import logging

    import structlog

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


def _size(size_bytes: int) -> str:
    """Such as `812 KiB`."""
    size = float(size_bytes)
    for unit in ("bytes", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "bytes" or size >= 10 else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:,.1f} GiB"
