"""The definition of a workflow that is code, as it is stored."""

from __future__ import annotations

from dataclasses import dataclass

from treadle_server.definitions.versions import VersionState
from treadle_server.engine.values import Duration


@dataclass(slots=True, frozen=True, kw_only=True)
class CodeDefinition:
    """One version. Its number stands in the code; what is stored is the signature."""

    name: str
    version: int
    description: str
    queue: str
    state: VersionState | None
    """What the code says that the version is for; the server's word holds."""
    run_timeout: Duration | None
    document: bytes
    content_hash: str
