"""What the history says that the code has asked for before."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from treadle.v1 import event_pb2


class Recorded:
    """The commands of the run so far, by number. Those that were compared are forgotten."""

    def __init__(self) -> None:
        self._commands: dict[int, str] = {}
        self._upto: deque[tuple[int, int]] = deque()
        self.seen_seq = 0
        """Up to this event the code has decided before."""
        self.build_id = ""
        """Of the worker that decided last."""

    def add(self, events: Iterable[event_pb2.Event], produced: int) -> None:
        """Takes what the events say, before the code is fed any of them. The first `produced`
        commands are this replayer's own.
        """
        for event in events:
            if event.WhichOneof("kind") != "decision_completed":
                continue
            decided = event.decision_completed
            for number, command in enumerate(decided.commands, decided.first_index):
                if number >= produced:
                    self._commands[number] = command
            self.seen_seq = max(self.seen_seq, decided.seen_seq)
            self.build_id = decided.build_id
            self._upto.append((decided.seen_seq, decided.first_index + len(decided.commands)))

    def take(self, index: int) -> str | None:
        """What the command of this number was; None if there was none."""
        return self._commands.pop(index, None)

    def peek(self, index: int) -> str | None:
        """As `take`; it stays."""
        return self._commands.get(index)

    def missing(self, seq: int, produced: int) -> tuple[int, str] | None:
        """The first command that was asked for before event `seq` and is not now: with its number.
        `produced`: so many the code has asked for.
        """
        while self._upto and self._upto[0][0] < seq:
            _, upto = self._upto.popleft()
            if produced < upto:
                return produced, self._commands[produced]
        return None
