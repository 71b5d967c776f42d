"""Reading records of a run: one that cannot be read is named, with what to do about it."""

from __future__ import annotations

from collections.abc import Iterable

from treadle_server.engine.events import Event
from treadle_server.engine.ids import run_id_text
from treadle_server.journal.codec import CodecError, decode_batch, must_be_whole
from treadle_server.journal.port import Record
from treadle_server.runs.errors import RecordUnreadable


def events_of(record: Record) -> list[Event]:
    """The events of a record. Raises `RecordUnreadable`."""
    try:
        return decode_batch(record.body)
    except CodecError as error:
        raise _unreadable(record, error) from None


def must_all_be_whole(records: Iterable[Record]) -> None:
    """For whoever passes them on unread. Raises `RecordUnreadable` for the first that the storage
    knows to be damaged.
    """
    for record in records:
        try:
            must_be_whole(record.body)
        except CodecError as error:
            raise _unreadable(record, error) from None


def _unreadable(record: Record, error: CodecError) -> RecordUnreadable:
    run_id = run_id_text(record.run_id)
    return RecordUnreadable(
        f"run {run_id} cannot be read from its event {record.base_seq} on (position "
        f"{record.position} of the journal): {error}",
        run_id=run_id,
        seq=str(record.base_seq),
        position=str(record.position),
    )
