"""W3C SCXML's tests, run by the real engine."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.machine.scxml import MACHINES, NOT_SUPPORTED, document
from treadle.testing import Kit, virtual_time

PAGE = Path(__file__).parents[2] / "docs" / "scxml.md"


@pytest.mark.parametrize("number", MACHINES)
@virtual_time
async def test_scxml(number: str) -> None:
    async with Kit() as kit:
        definition = await kit.client.deploy(document(number))
        run = await kit.client.start(definition.workflow)
        await run.result()


def test_the_page_has_each_of_them() -> None:
    page = PAGE.read_text()
    for number, (what, _) in MACHINES.items():
        assert f"| {number} | {what} | passes |" in page
    for number, why in NOT_SUPPORTED.items():
        assert f"| {number} | {why} |" in page
