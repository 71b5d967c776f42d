"""After a restart: who had been promised what just before. Bounded; everything else loads when it
is first used.

A task that was leased in a committed unit may not have reached its worker. Its worker comes back
with the same session and says what it holds; what it does not hold is sent again. For that, the
newest part of the log is read once for attempts that were started and not ended.
"""

from __future__ import annotations

import structlog

from treadle_server.engine import events as e
from treadle_server.engine.values import Duration, Instant
from treadle_server.journal.codec import CodecError, decode_batch
from treadle_server.journal.port import Journal
from treadle_server.matching.sessions import LeaseReference

_log = structlog.get_logger(component="runs")

LOOK_BACK: Duration = 60 * 1_000_000
LOOK_BACK_RECORDS = 20_000


def open_hand_overs(
    journal: Journal, position: int, now: Instant
) -> dict[str, list[LeaseReference]]:
    """Leases by session that were granted lately and not ended."""
    open_leases: dict[LeaseReference, str] = {}
    for record in journal.read_log(max(0, position - LOOK_BACK_RECORDS), LOOK_BACK_RECORDS):
        if record.time < now - LOOK_BACK:
            continue
        try:
            events = decode_batch(record.body)
        except CodecError as error:  # its run cannot be loaded; the others can
            _log.error("a record cannot be read", position=record.position, error=str(error))
            continue
        for event in events:
            if isinstance(event, e.AttemptStarted):
                if event.session_id:
                    open_leases[record.run_id, event.key, event.lease] = event.session_id
            else:
                lease = getattr(event, "lease", 0)
                if lease:
                    open_leases.pop((record.run_id, getattr(event, "key", ""), lease), None)
    by_session: dict[str, list[LeaseReference]] = {}
    for reference, session_id in open_leases.items():
        by_session.setdefault(session_id, []).append(reference)
    return by_session
