"""How far a run has come with a map: one task per item, so many of them open at once."""

from __future__ import annotations

import json
from collections.abc import Sequence

from treadle_server.engine.values import Failure, Instant, Payload

_NULL = b"null"


class MapProgress:
    """One map that runs. Results stay as bytes, in the order of the items."""

    __slots__ = (
        "_results",
        "completed",
        "failed",
        "first_failure",
        "items",
        "next",
        "open",
        "started_time",
        "stopping",
    )

    def __init__(self, items: tuple[bytes, ...], started_time: Instant) -> None:
        self.items = items
        self.started_time = started_time
        self.next = 0
        """The first item that has no task yet."""
        self.open: set[int] = set()
        self.stopping: set[int] = set()
        """Those of the open ones that were asked to stop."""
        self.completed = 0
        self.failed = 0
        self.first_failure: Failure | None = None
        self._results: list[bytes] = []

    def item_started(self) -> None:
        """The next item has its task."""
        self.open.add(self.next)
        self._results.append(_NULL)
        self.next += 1

    def item_done(self, item: int, output: Payload) -> None:
        """The item's result."""
        self._close(item)
        self.completed += 1
        null = output.metadata.get("encoding") == b"binary/null"
        self._results[item] = _NULL if null else output.data or _NULL

    def item_failed(self, item: int, failure: Failure) -> None:
        """Its place in the result stays null."""
        self._close(item)
        self.failed += 1
        if self.first_failure is None:
            self.first_failure = failure

    def item_cancelled(self, item: int) -> None:
        """Nobody wants it any more."""
        self._close(item)

    def _close(self, item: int) -> None:
        self.open.discard(item)
        self.stopping.discard(item)

    @property
    def finished(self) -> bool:
        """Whether every item has been dealt with."""
        return self.next == len(self.items) and not self.open

    def moves(self, *, over: bool, window: int) -> bool:
        """Whether it can go on: items to stop if it is over, to start if not; or its end."""
        if over:
            return not self.open or len(self.stopping) < len(self.open)
        room = len(self.open) < window
        return self.finished or (room and self.next < len(self.items))

    def over(self, tolerated: tuple[int, float]) -> bool:
        """Whether more items have failed than may: a count, or so many percent of all."""
        count, percent = tolerated
        # Rounded first: 0.29 times 100 is a little less than 29.
        return self.failed > max(count, int(round(percent * len(self.items) / 100, 6)))

    def result(self, *, batched: bool) -> Payload:
        """A list of the results in the order of the items, null for those that failed. Tasks that
        take several items give a list each, and these are joined.
        """
        results = self._results
        if batched:
            results = [part for n, one in enumerate(results) for part in _parts(one, self.items[n])]
        return Payload(b"[" + b",".join(results) + b"]")


def _parts(result: bytes, batch: bytes) -> Sequence[bytes]:
    """The inside of a list as one piece; nulls if it is none."""
    text = result.strip()
    if text.startswith(b"[") and text.endswith(b"]"):
        inside = text[1:-1].strip()
        return [inside] if inside else []
    return [_NULL] * len(json.loads(batch))


def item_of(key: str) -> int | None:
    """Which item of a map a key names, or None if it names a node."""
    if not key.endswith("]") or "[" not in key:
        return None
    digits = key[key.rindex("[") + 1 : -1]
    return int(digits) if digits.isdecimal() else None
