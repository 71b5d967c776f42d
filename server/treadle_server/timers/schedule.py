"""Which runs are to be woken when: a heap with at most one entry per run that counts. Pure."""

from __future__ import annotations

import heapq

from treadle_server.engine.values import Instant

_FEW = 1_000
"""So many old entries are not worth clearing away."""


class Schedule:
    """Earliest first. Setting a run again replaces its entry; the old one is passed over when it
    comes up, or cleared away with others when they are most of the heap.
    """

    def __init__(self) -> None:
        self._heap: list[tuple[Instant, bytes]] = []
        self._times: dict[bytes, Instant] = {}

    def __len__(self) -> int:
        return len(self._times)

    def set(self, run_id: bytes, time: Instant | None) -> None:
        """Wake the run then; None: not at all."""
        if time is None:
            self._times.pop(run_id, None)
        elif self._times.get(run_id) != time:
            self._times[run_id] = time
            heapq.heappush(self._heap, (time, run_id))
            if len(self._heap) > 2 * len(self._times) + _FEW:
                self._clear_old()

    def _clear_old(self) -> None:
        """Costs as much as the pushes since the last time, so each push costs no more for it."""
        self._heap = [(time, run_id) for run_id, time in self._times.items()]
        heapq.heapify(self._heap)

    def next_time(self) -> Instant | None:
        """When the next run is due."""
        while self._heap:
            time, run_id = self._heap[0]
            if self._times.get(run_id) == time:
                return time
            heapq.heappop(self._heap)
        return None

    def take_due(self, now: Instant, limit: int) -> list[bytes]:
        """Takes up to `limit` runs that are due, in due order."""
        due: list[bytes] = []
        while len(due) < limit:
            time = self.next_time()
            if time is None or time > now:
                break
            _, run_id = heapq.heappop(self._heap)
            del self._times[run_id]
            due.append(run_id)
        return due
