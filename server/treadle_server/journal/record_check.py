"""What `check` says about the content of one record, the same for every implementation."""

from __future__ import annotations

from collections.abc import Iterator

from treadle_server.journal.codec import CodecError, decode_batch
from treadle_server.journal.port import Finding, Record


def check_record(record: Record) -> Iterator[Finding]:
    """Whether the body can be read and holds the events that the record says it holds."""
    subject = f"position {record.position}, run {record.run_id.hex()}"
    try:
        events = decode_batch(record.body)
    except CodecError as error:
        yield Finding("body", subject, f"cannot be read: {error}")
        return
    if len(events) != record.count:
        message = f"holds {len(events)} events, its row says {record.count}"
        yield Finding("count", subject, message)
    seqs = [event.seq for event in events]
    if seqs != list(range(record.base_seq, record.base_seq + len(events))):
        yield Finding("seq", subject, f"begins with seq {record.base_seq} but holds {seqs}")
