"""A run as a tree: a head line, a line per node, and what is not shown as numbers; of a state
machine also where it is and how it came there.
"""

from __future__ import annotations

import re

from treadle_server.cli import moments, values
from treadle_server.cli.progress import Node, RunProgress
from treadle_server.cli.screen import Column, Line, Span, Styled, Table, printable
from treadle_server.cli.states import Look
from treadle_server.cli.wording import joined, undoing

_SHAPE = (Column(narrow="cut"), Column(), Column(right=True))
_FAILURE_WIDTH = 120
_NUMBER = re.compile(r"c\d+")
"""The key of what code has begun."""


def head(progress: RunProgress, now: float) -> Line:
    """The run in one line."""
    spans: list[Span] = [
        progress.look.sign,
        " ",
        Styled(printable(progress.workflow), "bold"),
        f" v{progress.version}  ",
        progress.look.word,
    ]
    if progress.started is not None:
        spans.append(f"  {moments.length((progress.ended or now) - progress.started)}")
    spans.append(Styled(f"  {printable(progress.workflow_id)}", "dim"))
    return spans


def machine(progress: RunProgress, now: float) -> Table:
    """Where a state machine is, and its last transitions; empty for other runs."""
    table = Table((Column(narrow="cut"), Column(right=True)))
    if progress.machine is None:
        return table
    active: list[Span] = [Styled("  in state  ", "dim")]
    for index, name in enumerate(progress.machine.active):
        active += [", "] * (index > 0) + [Styled(printable(name), "bold")]
    table.rows.append((active, ""))
    for move in progress.machine.moves:
        ago = f"{moments.length(now - move.at)} ago" if progress.ended is None else ""
        words = ("  ", move.look.sign, f" {printable(move.words)}")
        table.rows.append((words, Styled(ago, "dim")))
    return table


def tree(progress: RunProgress, now: float, limit: int, *, wrap: bool = True) -> Table:
    """The nodes, at most `limit` of them; the others are counted in a last line.

    Without `wrap` every node takes one line of the terminal, whatever is to be said of it.
    """
    shown = progress.shown(limit)
    hidden = len(progress.nodes) - len(shown)
    table = Table((*_SHAPE, Column(narrow="fold" if wrap else "cut")))
    for index, node in enumerate(shown):
        is_last = index == len(shown) - 1 and not hidden
        name = _named(node, progress)
        table.rows.append(_row(node, name, "└─" if is_last else "├─", now))
    if hidden:
        table.rows.append(
            [(Styled("└─ ", "dim"), f"and {hidden:,} more"), "", "", counts(progress)]
        )
    return table


def counts(progress: RunProgress) -> Line:
    """How many nodes are in each state, of all."""
    spans: list[Span] = []
    for look in Look:
        if progress.counts[look] > 0:
            separator = ", " if spans else ""
            spans.append(f"{separator}{progress.counts[look]:,} ")
            spans.append(look.word)
    return spans


def _row(node: Node, name: str, branch: str, now: float) -> tuple[Line, Styled, str, Line]:
    line: Line = (Styled(f"{branch} ", "dim"), node.look.sign, f" {name}")
    return line, node.look.word, _took(node, now), _notes(node, now)


def _named(node: Node, progress: RunProgress) -> str:
    """The key; with what is done where that does not say so: a machine's says where, and a number
    of code nothing.
    """
    if progress.machine is None and not _NUMBER.fullmatch(node.key):
        return printable(node.key)
    undone = progress.nodes.get(node.compensates)
    undoes = undoing(node.key, node.compensates, undone.type if undone else "")
    return printable(joined(f"{node.key} {node.type}".rstrip(), undoes))


def _took(node: Node, now: float) -> str:
    if node.ended is not None and node.scheduled is not None:
        return moments.length(node.ended - node.scheduled)
    if node.look in (Look.RUNNING, Look.CANCELLING) and node.started is not None:
        return moments.length(now - node.started)
    return ""


def _notes(node: Node, now: float) -> Line:
    """Why the node waits, or what is worth knowing about it."""
    parts: list[Span] = []
    match node.look:
        case Look.READY:
            parts.append(f"waits for a worker on queue {printable(node.queue)!r}")
            if node.scheduled is not None:
                parts.append(f" for {moments.length(now - node.scheduled)}")
        case Look.RUNNING if node.due is not None:
            parts.append(f"for {moments.length(node.due - now)} more")
        case Look.RUNNING if node.attempt:
            parts.append(_who(node))
        case Look.CANCELLING:
            parts.append(f"asked to stop, {_who(node)}")
        case Look.BACKING_OFF:
            parts.append(_backoff(node, now))
        case Look.HELD:
            parts.append(f"waits for a person: {printable(node.incident)}")
        case Look.COMPLETED if node.attempt > 1:
            parts.append(f"at attempt {node.attempt}")
        case Look.FAILED | Look.CANCELLED if node.attempt > 1:
            parts.append(f"{node.attempt} attempts")
    if node.failure is not None and node.look is not Look.COMPLETED:
        separator = "  " if parts else ""
        text = values.failure_line(node.failure, _FAILURE_WIDTH)
        parts.append(Styled(separator + text, "red" if node.look is Look.FAILED else "dim"))
    return parts


def _who(node: Node) -> str:
    """Such as `attempt 2 of 4 on shop-1/4711`; that there is but one attempt is not said."""
    of = f" of {node.max_attempts}" if node.max_attempts else ""
    attempt = "" if node.max_attempts == 1 else f"attempt {node.attempt}{of} "
    return f"{attempt}on {printable(node.identity) or 'a worker'}"


def _backoff(node: Node, now: float) -> str:
    of = f" of {node.max_attempts}" if node.max_attempts else ""
    when = "now"
    if node.next_attempt is not None and node.next_attempt > now:
        when = f"in {moments.length(node.next_attempt - now)}"
    return f"attempt {node.attempt + 1}{of} {when}"
