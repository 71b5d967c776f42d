"""What the progress of every kind of run is told, beside what it must say for itself: how children
count, and what is not folded.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar, Final

from treadle_server.engine import events as e
from treadle_server.engine.topology import NodeState
from treadle_server.engine.values import NULL, ChildEnd, Failure, FailureKind, Payload

NOTHING_LATE: Final[Mapping[str, Payload]] = MappingProxyType({})


class Progress:
    """For most kinds a child is one more thing that is done under a key.

    No `ABC`: what kind a run's progress is, is asked several times in each turn, and an `ABC`
    answers that in Python. Type checkers see what is abstract all the same.
    """

    __slots__ = ()

    remote: ClassVar[bool] = False
    """Whether code on a worker decides how the run goes on and how it ends."""

    @abstractmethod
    def node_started(self, key: str) -> None:
        """It began."""

    @abstractmethod
    def node_succeeded(
        self, key: str, output: Payload, stage: NodeState = NodeState.COMPLETED
    ) -> None:
        """It has its outcome."""

    @abstractmethod
    def node_failed_running(self, key: str, failure: Failure) -> None:
        """It failed for good."""

    @abstractmethod
    def node_stopped(self, key: str) -> None:
        """It ended as it was asked to."""

    def child_requested(self, event: e.ChildRequested) -> None:
        """A run is to be started."""
        self.node_started(event.key)

    def child_asked(self, key: str) -> None:
        """It is to stop; that counts when it has."""

    def child_ended(self, event: e.ChildEnded, *, asked: bool, unwanted: bool) -> None:
        """It is over. `asked`: it was told to stop; `unwanted`: and nothing but that follows."""
        if event.end is ChildEnd.COMPLETED:
            self.node_succeeded(event.key, event.output or NULL)
        elif unwanted:
            self.node_stopped(event.key)
        else:
            message = f"the child run ended {event.end.name}"
            failure = event.failure or Failure(kind=FailureKind.CHILD_FAILED, message=message)
            self.node_failed_running(event.key, failure)

    def take_late(self) -> Mapping[str, Payload]:
        """Takes the outputs, by key, of what was done although it had been asked to stop, where the
        fold makes nothing of that.
        """
        return NOTHING_LATE

    def event_came(self) -> None:
        """An external event is there, and no wait has taken it."""

    def loaded(self) -> None:
        """All events are folded; what is not folded begins anew."""

    def look_again(self) -> None:
        """What is not folded may be wrong."""
