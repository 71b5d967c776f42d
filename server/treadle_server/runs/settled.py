"""Waiting until what a run has come to is committed."""

from __future__ import annotations

from treadle_server.journal.port import JournalError, Outcome
from treadle_server.journal.settled import Settled
from treadle_server.runs.errors import Stopping


async def until_settled(settled: Settled | None) -> bool:
    """Waits for a commit, whatever happens to the caller's own request; False if it did not
    happen.

    Whoever is woken finds all that was committed with it released.
    """
    if settled is None:
        return True
    try:
        return await settled is Outcome.COMMITTED
    except JournalError:
        raise Stopping(
            "the journal has failed; what became of this is known after a restart"
        ) from None
