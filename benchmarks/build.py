"""Which of the two builds of the server is measured: see `make compiled`."""

from __future__ import annotations

import importlib.util


def build() -> str:
    """The one on Python's path, which is what `treadle server` takes."""
    found = importlib.util.find_spec("treadle_server.engine.turn")
    assert found is not None, "the server is installed"
    return "interpreted" if str(found.origin).endswith(".py") else "compiled"
