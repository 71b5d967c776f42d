"""Data to stdout, messages to stderr; tables and colours where a person looks.

On a terminal, and if it is installed, rich lays tables out and colours them. Anywhere else the same
content comes as aligned plain text, never shortened, so that pipes see all of it.

Whatever came from outside (names, failure messages) goes through `printable` first: a terminal
obeys control characters.
"""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import TYPE_CHECKING, Literal, NamedTuple

import click

from treadle_server.cli.options import Settings

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table as RichTable
    from rich.text import Text


class Styled(NamedTuple):
    """Text with a style in rich's words, such as "bold red"."""

    text: str
    style: str


Span = str | Styled
"""A piece of a line."""

Line = Sequence[Span]
"""A line of pieces that follow each other without space."""

Cell = Span | Line
"""What stands in one place of a table."""

_GAP = 2
_GIVING_WAY = (("fold", 30), ("cut", 8), ("fold", 20), ("cut", 2))
"""Which columns give way to others in turn, and down to which width."""

_BIDIRECTIONAL = frozenset(
    "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)

_STEERING = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Categories of characters that a terminal may obey, halves of some, and ends of lines."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column; `narrow` says what gives way when the terminal is too narrow for the table."""

    title: str = ""
    right: bool = False
    narrow: Literal["keep", "cut", "fold"] = "keep"


@dataclass(slots=True)
class Table:
    """Rows under columns; without any title there is no head line."""

    columns: Sequence[Column]
    rows: list[Sequence[Cell]] = field(default_factory=list)

    @property
    def has_head(self) -> bool:
        """Whether there is a head line."""
        return any(column.title for column in self.columns)


def printable(text: str, *, keep_newlines: bool = False) -> str:
    """The text with control characters written as escapes."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        character
        if (keep_newlines and character == "\n")
        or not (unicodedata.category(character) in _STEERING or character in _BIDIRECTIONAL)
        else character.encode("unicode_escape").decode()
        for character in text
    )


class Screen:
    """Prints what a command has to say.

    Args:
        settings: the shared options.
        console: prints to this one, for tests; else one is made if stdout is a terminal.
    """

    def __init__(self, settings: Settings, console: Console | None = None) -> None:
        self.settings = settings
        self.console = console or (_terminal(settings) if sys.stdout.isatty() else None)

    @property
    def can_draw_again(self) -> bool:
        """Whether what stands on stdout can be replaced: not in pipes and on dumb terminals."""
        return self.console is not None and not self.console.is_dumb_terminal

    def table(self, table: Table) -> None:
        """Prints a table to stdout."""
        if not table.rows:
            return
        if self.console is not None:
            self.console.print(rich_table(table, self.console.width))
        else:
            for line in plain_table(table):
                click.echo(line)

    def line(self, *spans: Span) -> None:
        """Prints a line to stdout."""
        if self.console is not None:
            self.console.print(rich_text(spans), soft_wrap=True)
        else:
            click.echo(plain_text(spans))

    def note(self, text: str) -> None:
        """Prints a message to stderr, unless `--quiet`."""
        if not self.settings.quiet:
            click.echo(printable(text, keep_newlines=True), err=True)

    @contextmanager
    def progress(self, what: str) -> Iterator[Callable[[str], None]]:
        """Shows on a terminal that work goes on; call what it gives to say how far it is."""
        if self.settings.quiet or not sys.stderr.isatty() or not has_rich():
            yield lambda _: None
            return
        from rich.console import Console

        with Console(stderr=True).status(what) as status:
            yield lambda how_far: status.update(f"{what}: {how_far}")


def has_rich() -> bool:
    """Whether rich is installed; it comes with the extra `cli`."""
    return find_spec("rich") is not None


def _terminal(settings: Settings) -> Console | None:
    if not has_rich():
        return None
    from rich.console import Console

    # False would force colours where NO_COLOR, which rich reads when this is None, forbids them.
    return Console(no_color=True if settings.no_color else None, highlight=False)


def spans_of(cell: Cell) -> Line:
    """A cell as the line it is."""
    return (cell,) if isinstance(cell, (str, Styled)) else cell


def plain_text(cell: Cell) -> str:
    """A cell without its styles."""
    return "".join(span if isinstance(span, str) else span.text for span in spans_of(cell))


def plain_table(table: Table) -> list[str]:
    """A table as aligned lines."""
    rows = [[plain_text(cell) for cell in row] for row in table.rows]
    if table.has_head:
        rows.insert(0, [column.title for column in table.columns])
    if not rows:
        return []
    widths = [max(_width(row[index]) for row in rows) for index in range(len(table.columns))]
    return ["  ".join(_aligned(row, widths, table.columns)).rstrip() for row in rows]


def _aligned(row: Sequence[str], widths: Sequence[int], columns: Sequence[Column]) -> list[str]:
    aligned: list[str] = []
    for text, width, column in zip(row, widths, columns, strict=True):
        blanks = " " * (width - _width(text))
        aligned.append(blanks + text if column.right else text + blanks)
    return aligned


def _width(text: str) -> int:
    """How many columns of a terminal the text takes."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(one) else 2 if unicodedata.east_asian_width(one) in "WF" else 1
        for one in text
    )


def rich_text(cell: Cell) -> Text:
    """A cell for rich."""
    from rich.text import Text

    return Text.assemble(
        *((span, "") if isinstance(span, str) else span for span in spans_of(cell))
    )


def rich_table(table: Table, width: int) -> RichTable:
    """A table for rich, in so many columns of the terminal."""
    from rich.table import Table as RichTable

    drawn = RichTable(
        box=None,
        pad_edge=False,
        show_header=table.has_head,
        header_style="bold",
        padding=(0, _GAP, 0, 0),
    )
    for column, column_width in zip(table.columns, _fitted(table, width), strict=True):
        drawn.add_column(
            column.title,
            justify="right" if column.right else "left",
            no_wrap=column.narrow != "fold",
            overflow="fold" if column.narrow == "fold" else "ellipsis",
            width=column_width,
        )
    for row in table.rows:
        drawn.add_row(*(rich_text(cell) for cell in row))
    return drawn


def _fitted(table: Table, width: int) -> list[int]:
    """The width of each column.

    rich would take something from every column; here, columns that may fold give way first, then
    those that may be cut, the widest first, each down to a width that still says something; then
    both once more, for half of a run's id is of no use to anybody.
    """
    from rich.cells import cell_len

    widths = [cell_len(column.title) for column in table.columns]
    for row in table.rows:
        for index, cell in enumerate(row):
            widths[index] = max(widths[index], cell_len(plain_text(cell)))
    excess = sum(widths) + _GAP * (len(widths) - 1) - width
    for narrow, least in _GIVING_WAY:
        for index in sorted(range(len(widths)), key=lambda index: -widths[index]):
            if excess > 0 and table.columns[index].narrow == narrow:
                taken = min(excess, max(0, widths[index] - least))
                widths[index] -= taken
                excess -= taken
    return widths
