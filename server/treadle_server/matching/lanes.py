"""Tasks that wait: one lane per (namespace, queue, activity type), ordered by priority, then by how
long they are ready.

Pure. A lane holds at most `LANE_CAPACITY` references in memory; the rest are rows in the journal,
which `refill` brings in when the lane runs dry. References can be stale: the run that changed
refuses the grant, and the next one is tried.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from treadle_server.engine.values import Instant

LaneName = tuple[str, str, str]
"""(namespace, queue, activity type)."""

LANE_CAPACITY = 1_000


@dataclass(slots=True, order=True)
class TaskReference:
    """Names a waiting task; sorts by who is next."""

    priority: int
    ready_time: Instant
    run_id: bytes
    key: str


@dataclass(slots=True)
class Lane:
    """`complete` says that every waiting task of the lane is in memory; else the journal's rows
    must be asked.
    """

    heap: list[TaskReference] = field(default_factory=list)
    complete: bool = False


class Lanes:
    """All lanes. `refill(lane name, limit)` reads the first ready rows of a lane."""

    def __init__(self, refill: Callable[[LaneName, int], Iterable[TaskReference]]) -> None:
        self._refill = refill
        self._lanes: dict[LaneName, Lane] = {}

    def add(self, name: LaneName, reference: TaskReference) -> None:
        """A task became ready and its row is in the journal."""
        lane = self._lanes.get(name)
        if lane is None:
            self._lane(name)  # reads the rows, this one among them
            return
        if not lane.complete:
            # Older rows may be waiting in the journal; this one will be read after them.
            return
        if len(lane.heap) >= LANE_CAPACITY:
            lane.complete = False
            return
        heapq.heappush(lane.heap, reference)

    def take(self, names: Iterable[LaneName]) -> tuple[LaneName, TaskReference] | None:
        """The task that is next among some lanes."""
        best: tuple[TaskReference, LaneName] | None = None
        for name in names:
            lane = self._lane(name)
            if not lane.heap and not lane.complete:
                self._fill(name, lane)
            if lane.heap and (best is None or lane.heap[0] < best[0]):
                best = (lane.heap[0], name)
        if best is None:
            return None
        reference, name = best
        heapq.heappop(self._lanes[name].heap)
        return name, reference

    def oldest_ready_time(self, name: LaneName) -> Instant | None:
        """Since when the head of a lane is ready, as far as memory knows."""
        lane = self._lanes.get(name)
        return lane.heap[0].ready_time if lane is not None and lane.heap else None

    def counts(self) -> list[tuple[LaneName, int]]:
        """How many tasks each lane has in memory."""
        return [(name, len(lane.heap)) for name, lane in list(self._lanes.items())]

    def _lane(self, name: LaneName) -> Lane:
        lane = self._lanes.get(name)
        if lane is None:
            lane = self._lanes[name] = Lane()
            self._fill(name, lane)
        return lane

    def _fill(self, name: LaneName, lane: Lane) -> None:
        found = list(self._refill(name, LANE_CAPACITY))
        # Rows come in the order of the lane, which is a heap already.
        lane.heap = found
        lane.complete = len(found) < LANE_CAPACITY
