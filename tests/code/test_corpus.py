"""The asyncio corpus: run straight, replayed whenever anything happens, and over crashes."""

from __future__ import annotations

import asyncio
import random

import pytest

from tests.code.corpus import CORPUS
from treadle.testing import Kit, RunRecord, virtual_time

NAMES = sorted(CORPUS)
WORKFLOWS = [made for made, _ in CORPUS.values()]


async def _run(name: str, *, forgetful: bool) -> RunRecord:
    async with Kit(WORKFLOWS, forgetful=forgetful) as kit:
        return await kit.run(CORPUS[name][0], 1.0)


@pytest.mark.parametrize("name", NAMES)
@virtual_time
async def test_straight_and_replayed_at_every_event(name: str) -> None:
    """The same result, and the same commands in the same order."""
    straight = await _run(name, forgetful=False)
    replayed = await _run(name, forgetful=True)
    assert straight.output == CORPUS[name][1], straight.failure
    assert replayed.output == straight.output
    assert replayed.commands == straight.commands


@pytest.mark.parametrize("name", NAMES)
@virtual_time
async def test_over_crashes(name: str) -> None:
    """The server dies at random moments; the result is the same."""
    chance = random.Random(name)
    async with Kit(WORKFLOWS) as kit:
        handle = await kit.start(CORPUS[name][0], 1.0)
        for _ in range(4):
            await asyncio.sleep(chance.uniform(0, 1.5))
            await kit.crash_server()
        record = await kit.finish(handle)
        assert record.output == CORPUS[name][1], record.failure
