"""The server's settings, frozen; where they come from is the command line's business."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from treadle_server.engine.values import Duration

DEFAULT_RETENTION: Duration = 30 * 86_400 * 1_000_000


@dataclass(slots=True, frozen=True, kw_only=True)
class ServerConfig:
    """What one server is told. `data_dir` holds the journal (`treadle.db`) and the local
    socket (`treadle.sock`); unused with `in_memory`.
    """

    address: str = "127.0.0.1:7400"
    data_dir: Path = Path(".")
    in_memory: bool = False
    local_socket: bool = True
    """Whether callers on this machine may converse over a Unix socket."""
    stop_grace_seconds: float = 10.0
    retention: Duration | None = DEFAULT_RETENTION
    """How long ended runs are kept; None: for ever."""
    max_pending_requests: int = 20_000
