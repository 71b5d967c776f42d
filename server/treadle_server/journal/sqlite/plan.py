"""Units grouped by statement, so that a commit is a handful of `executemany` calls.

What lives here: what can be judged and merged in memory. What does not: SQL and transactions.

Grouping changes the order of writes, so it must not change what a sequence of units means:

- Records keep their order; each must follow the last one of its run, which is known.
- A run's row is written as its last unit has it, and existing rows before new ones.
- A small row is put or deleted once, as its last unit has it.
- What only the database knows (is this workflow id open elsewhere, is this request id taken, is
  there such a run at all) makes the whole group fail; the caller then tries smaller ones. The one
  case where a group could succeed though a unit alone would not is a workflow id that passes from
  one run to another: `add` says `SEPARATE`, and that unit begins a new group. So what `add` itself
  asks about a workflow id is about what other groups have written.
"""

from __future__ import annotations

import enum
import zlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from treadle_server.engine.ids import run_id_of_text
from treadle_server.journal.port import Key, Row, RunRow, Table, Unit
from treadle_server.journal.sqlite.earlier import EarlierRuns
from treadle_server.journal.sqlite.statements import run_parameters


class Verdict(enum.Enum):
    """What became of a unit that was offered to a plan."""

    ADDED = "added"
    CONFLICT = "conflict"
    SEPARATE = "separate"


class Plan:
    """What one group of units writes. `packed` gives a body as it is stored."""

    def __init__(
        self, earlier: EarlierRuns, position: int, packed: Callable[[bytes], bytes]
    ) -> None:
        self._earlier = earlier
        self._packed = packed
        self.position = position
        """Of the last record."""
        self.last_seqs: dict[bytes, int] = {}
        """Of the runs that this group appends to."""
        self.records: list[tuple[Any, ...]] = []
        self.new_runs: dict[bytes, RunRow] = {}
        self.open_runs: dict[bytes, RunRow] = {}
        self.ended_runs: dict[bytes, RunRow] = {}
        """Written after `open_runs`, in which such a run may be too: an open row is refused if the
        run has ended before."""
        self.small_rows: dict[Table, dict[Key, Row | None]] = {}
        """None: to be deleted."""
        self._names: dict[tuple[str, str], bytes] = {}

    def add(self, unit: Unit) -> Verdict:
        """Takes the unit in, or says why not; then the plan is as it was."""
        row = unit.run
        if row is not None:
            name = (row.namespace, row.workflow_id)
            if self._names.get(name, row.run_id) != row.run_id:
                return Verdict.SEPARATE
            # What other runs of that name have come to is in the database by now.
            if unit.not_after and self._earlier.ended_state(*name) in unit.not_after:
                return Verdict.CONFLICT
        last_seqs: dict[bytes, int] = {}
        begins = False
        for record in unit.records:
            run_id, base_seq = record.run_id, record.base_seq
            if base_seq == 1 and run_id not in self.last_seqs:
                # Whether the run exists already is left to the index of run ids.
                begins = row is not None and row.run_id == run_id
                last = 0 if begins else -1
            else:
                last = last_seqs.get(run_id) or self.last_seqs.get(run_id, 0)
                last = last or self._earlier.last_seq(run_id)
            if last + 1 != base_seq or record.count < 1:
                return Verdict.CONFLICT
            last_seqs[run_id] = last + record.count
        if row is not None and not self._add_run(row, begins):
            return Verdict.CONFLICT
        self._add_rows(unit)
        self.last_seqs.update(last_seqs)
        return Verdict.ADDED

    def _add_run(self, row: RunRow, begins: bool) -> bool:
        run_id = row.run_id
        if begins:
            if self._has_the_id_of_another(row):
                return False
            self.new_runs[run_id] = row
        else:
            new = self.new_runs.get(run_id)
            before = new or self.ended_runs.get(run_id)
            if before is not None and before.end_time is not None and row.end_time is None:
                return False
            if new is not None:
                self.new_runs[run_id] = replace(
                    new,
                    state=row.state,
                    end_time=row.end_time,
                    wake_time=row.wake_time,
                    recorded_seq=row.recorded_seq,
                )
            else:
                (self.open_runs if row.end_time is None else self.ended_runs)[run_id] = row
        self._names[row.namespace, row.workflow_id] = run_id
        return True

    def _has_the_id_of_another(self, row: RunRow) -> bool:
        """Whether its name is the own id of another run that is open."""
        own = run_id_of_text(row.workflow_id)
        if own is None or own == row.run_id or row.end_time is not None:
            return False
        return self._earlier.has_open(row.namespace, own)

    def _add_rows(self, unit: Unit) -> None:
        for record in unit.records:
            self.position += 1
            body = self._packed(record.body)
            self.records.append(
                (
                    self.position,
                    record.run_id,
                    record.base_seq,
                    record.count,
                    record.time,
                    zlib.crc32(body),
                    body,
                )
            )
        for table, key in unit.deletes:
            self.small_rows.setdefault(table, {})[key] = None
        for put in unit.puts:
            self.small_rows.setdefault(put.table, {})[put.key] = put

    def new_run_parameters(self) -> list[tuple[Any, ...]]:
        """For `INSERT_RUN`."""
        return [run_parameters(row) for row in self.new_runs.values()]

    def open_run_parameters(self) -> list[tuple[Any, ...]]:
        """For `UPDATE_OPEN_RUN`."""
        return [
            (row.state, row.wake_time, row.recorded_seq, row.run_id)
            for row in self.open_runs.values()
        ]

    def ended_run_parameters(self) -> list[tuple[Any, ...]]:
        """For `UPDATE_ENDED_RUN`."""
        rows = self.ended_runs.values()
        return [
            (row.state, row.wake_time, row.recorded_seq, row.end_time, row.run_id) for row in rows
        ]
