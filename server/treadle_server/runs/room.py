"""Back pressure: what would have to wait too long for the disk is refused before it changes
anything.
"""

from __future__ import annotations

from treadle_server.journal.writer import Writer
from treadle_server.runs.errors import Busy


def must_have_room(writer: Writer) -> None:
    """Raises `Busy` if the journal can take nothing more at the moment."""
    if writer.full:
        raise Busy("more requests wait for the disk than may; try again in a moment")
