"""W3C SCXML's tests, run by the real engine."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.machine.scxml import MACHINES, NOT_SUPPORTED, document
from treadle.errors import RunFailed
from treadle.testing import Kit, virtual_time

PAGE = Path(__file__).parents[2] / "docs" / "scxml.md"


@pytest.mark.parametrize("number", MACHINES)
@virtual_time
async def test_scxml(number: str) -> None:
    async with Kit() as kit:
        definition = await kit.client.deploy(document(number))
        run = await kit.client.start(definition.workflow)
        await run.result()


@virtual_time
async def test_a_machine_that_does_not_come_to_rest_fails() -> None:
    """Two states that lead to each other for ever."""
    async with Kit() as kit:
        states = {"a": {"always": "b"}, "b": {"always": "a", "on": {"never": "end"}}}
        await kit.client.deploy(
            {
                **document("144"),
                "name": "restless",
                "memory": {},
                "states": {**states, "end": {"final": True}},
            }
        )
        run = await kit.client.start("restless")
        with pytest.raises(RunFailed, match="1,000 transitions in a row") as caught:
            await run.result()
        assert caught.value.failure.kind == "treadle.LoopBoundReached"


def test_the_page_has_each_of_them() -> None:
    page = PAGE.read_text()
    for number, (what, _) in MACHINES.items():
        assert f"| {number} | {what} | passes |" in page
    for number, why in NOT_SUPPORTED.items():
        assert f"| {number} | {why} |" in page
