"""What the demo shows: headings, progress and tables; with rich where it is installed, plain
otherwise.
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Protocol

PLAIN_PROGRESS_SECONDS = 1.0
"""How often progress is printed where no bar can be drawn."""


class Display(Protocol):
    """Where the demo writes to."""

    def say(self, text: str) -> None:
        """What happens now."""

    def warn(self, text: str) -> None:
        """What went wrong."""

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Text columns to the left, numbers to the right."""

    def progress(self, what: str, total: int) -> contextlib.AbstractContextManager[Progress]:
        """Something that takes a while."""


class Progress(Protocol):
    """How far it is."""

    def update(self, done: int, note: str = "") -> None:
        """Shows that `done` are done."""


def make_display() -> Display:
    """The better display there is."""
    try:
        return RichDisplay()
    except ImportError:
        return PlainDisplay()


class PlainDisplay:
    """Lines of text."""

    def say(self, text: str) -> None:
        print(f"==> {text}", flush=True)

    def warn(self, text: str) -> None:
        print(f"!!! {text}", flush=True)

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        texts = [[str(cell) for cell in row] for row in rows]
        widths = [
            max([len(column), *(len(row[place]) for row in texts)])
            for place, column in enumerate(columns)
        ]
        print(f"\n{title}")
        print("  ".join(column.ljust(width) for column, width in zip(columns, widths, strict=True)))
        for row, cells in zip(rows, texts, strict=True):
            print("  ".join(map(_aligned, row, cells, widths)).rstrip())
        print(flush=True)

    @contextlib.contextmanager
    def progress(self, what: str, total: int) -> Iterator[Progress]:
        progress = PlainProgress(what, total)
        yield progress
        progress.finish()


def _aligned(value: object, text: str, width: int) -> str:
    return text.rjust(width) if isinstance(value, (int, float)) else text.ljust(width)


class PlainProgress:
    """A line now and then, and one at the end."""

    def __init__(self, what: str, total: int) -> None:
        self._what, self._total = what, total
        self._shown_at = 0.0
        self._last = ""
        self._shown = ""

    def update(self, done: int, note: str = "") -> None:
        self._last = f"    {self._what}: {done} of {self._total}{'  ' + note if note else ''}"
        if time.monotonic() - self._shown_at >= PLAIN_PROGRESS_SECONDS:
            self._show()

    def finish(self) -> None:
        self._show()

    def _show(self) -> None:
        if self._last != self._shown:
            print(self._last, flush=True)
            self._shown, self._shown_at = self._last, time.monotonic()


class RichDisplay:
    """Colours, bars and tables. Raises `ImportError` without rich."""

    def __init__(self) -> None:
        from rich.console import Console

        # Piped, rich would cut tables at 80 columns.
        self._console = Console(highlight=False, width=None if sys.stdout.isatty() else 160)

    def say(self, text: str) -> None:
        self._console.print("[bold cyan]==>[/]", end=" ")
        self._console.print(text, markup=False, soft_wrap=True)

    def warn(self, text: str) -> None:
        self._console.print("[bold red]!!![/]", end=" ")
        self._console.print(text, markup=False, soft_wrap=True)

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        from rich import box
        from rich.markup import escape
        from rich.table import Table

        table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
        for place, column in enumerate(columns):
            is_number = all(isinstance(row[place], (int, float)) for row in rows)
            table.add_column(column, justify="right" if is_number else "left", overflow="fold")
        for row in rows:
            table.add_row(*(escape(str(cell)) for cell in row))
        self._console.print(table)

    @contextlib.contextmanager
    def progress(self, what: str, total: int) -> Iterator[Progress]:
        if not self._console.is_terminal:
            with PlainDisplay().progress(what, total) as plain:
                yield plain
            return
        from rich import progress

        columns = (
            progress.TextColumn("    {task.description}"),
            progress.BarColumn(),
            progress.MofNCompleteColumn(),
            progress.TimeElapsedColumn(),
            progress.TextColumn("{task.fields[note]}"),
        )
        with progress.Progress(*columns, console=self._console) as bars:
            yield _RichProgress(bars, bars.add_task(what, total=total, note=""))


class _RichProgress:
    """One bar of rich."""

    def __init__(self, bars: object, task: int) -> None:
        self._bars, self._task = bars, task

    def update(self, done: int, note: str = "") -> None:
        self._bars.update(self._task, completed=done, note=note)  # type: ignore[attr-defined]
