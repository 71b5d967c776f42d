"""What earlier commits have of runs, as far as a plan must know it before it writes."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Final

from treadle_server.engine.ids import run_id_of_text
from treadle_server.journal.sqlite import statements

KNOWN_RUNS: Final = 16_384
"""Runs whose last seq is remembered (about 2 MB); others cost a look into the index."""


class EarlierRuns:
    """Asked on the writer's connection, inside its transaction."""

    def __init__(self, writer: sqlite3.Connection, known_runs: int = KNOWN_RUNS) -> None:
        self._writer = writer
        self._known_runs = known_runs
        self._last_seqs: dict[bytes, int] = {}

    def __len__(self) -> int:
        """How many runs are remembered."""
        return len(self._last_seqs)

    def last_seq(self, run_id: bytes) -> int:
        """Of the run's last event; 0 for a run that is not known."""
        last = self._last_seqs.get(run_id)
        if last is None:
            found = self._writer.execute(statements.LAST_SEQ, (run_id,)).fetchone()
            last = found[0] if found else 0
        return last

    def remember(self, last_seqs: Mapping[bytes, int]) -> None:
        """The last seqs that a group of units has written."""
        known = self._last_seqs
        if len(known) > self._known_runs:
            for run_id in list(known)[: self._known_runs // 2]:
                del known[run_id]
        known.update(last_seqs)

    def forget(self, *run_ids: bytes) -> None:
        """What is remembered of these runs; without any, of all."""
        if not run_ids:
            self._last_seqs.clear()
        for run_id in run_ids:
            self._last_seqs.pop(run_id, None)

    def ended_state(self, namespace: str, workflow_id: str) -> int:
        """Of the newest ended run of this workflow id; 0 if there is none."""
        named = (namespace, workflow_id)
        found = self._writer.execute(statements.ENDED_STATE_OF_WORKFLOW_ID, named).fetchone()
        if found is None and (own := run_id_of_text(workflow_id)) is not None:
            own_id = (namespace, own)
            found = self._writer.execute(statements.ENDED_STATE_OF_OWN_ID, own_id).fetchone()
        return found[0] if found else 0

    def has_open(self, namespace: str, run_id: bytes) -> bool:
        """Whether this run is open and has its run id for a workflow id, which no index says."""
        found = self._writer.execute(statements.OPEN_OF_OWN_ID, (namespace, run_id)).fetchone()
        return found is not None
