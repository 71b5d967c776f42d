"""Definitions as the server knows them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.journal.watched import WatchedJournal
from treadle_server.clock import SystemClock
from treadle_server.journal import pace
from treadle_server.journal.writer import ThreadWriter
from treadle_server.runs.definitions import Definitions


def document(activity: str) -> dict[str, Any]:
    node = {"activity": activity}
    return {"treadle": "v1", "kind": "graph", "name": "order", "nodes": {"charge": node}}


async def test_a_version_is_known_once_it_is_stored_whoever_has_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pace, "LOOP_COMMIT_SECONDS", -1.0)  # no commit is for the loop
    journal = WatchedJournal()
    journal.open()
    writer = ThreadWriter(journal, on_failure=lambda error: None)
    definitions = Definitions(journal, writer, SystemClock())

    async def deploy(activity: str) -> None:
        await definitions.deploy("default", document(activity), request_id="", validate_only=False)

    await deploy("charge")
    journal.may_commit.clear()
    journal.in_commit.clear()
    leaving = asyncio.create_task(deploy("charge_card"))
    await asyncio.to_thread(journal.in_commit.wait)
    leaving.cancel()
    journal.may_commit.set()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    assert await definitions.current("default", "order") == 2
    await writer.close()
