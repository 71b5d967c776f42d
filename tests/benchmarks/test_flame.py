"""A sample belongs to the innermost layer of the server that it was in."""

from __future__ import annotations

import pytest

from benchmarks.flame import LOOP, THREAD, shares

MAIN = "<module> (treadle);run_server (treadle_server/app.py);Runner.run (asyncio/runners.py)"


def test_samples_are_added_up_by_layer() -> None:
    found = shares(
        [
            f"{MAIN};handle (treadle_server/api/handlers.py);apply (treadle_server/runs/turns.py);"
            "replace (dataclasses.py) 4",
            f"{MAIN};fold (treadle_server/runs/hot.py);decode (treadle_server/journal/codec.py) 3",
            f"{MAIN} 2",
            "_bootstrap (threading.py);Thread.run (threading.py) 1",
        ]
    )
    assert list(found) == [
        "runs: turns put together, released, handed over",
        "events to bytes",
        LOOP,
        THREAD,
    ]
    assert list(found.values()) == pytest.approx([0.4, 0.3, 0.2, 0.1])
