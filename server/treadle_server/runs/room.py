"""Back pressure: what would have to wait too long for the disk is refused before it changes
anything.
"""

from __future__ import annotations

from treadle_server.journal.writer import Writer
from treadle_server.runs.errors import Busy


def must_have_room(writer: Writer, *, asked: bool = True) -> None:
    """Raises `Busy` if the journal can take nothing more at the moment: of what somebody asked for,
    or of anything.
    """
    if writer.full(for_requests=asked):
        raise Busy("more requests wait for the disk than may; try again in a moment")
