"""A caller's `timeout` is kept while no server answers, too: `TimeoutError`, and not what else
would be said once the client has tried for long enough.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from examples.local_service import free_address
from treadle import BlockingClient, Client


def ask(client: Any, verb: str) -> Any:
    match verb:
        case "result":
            return client.get_handle("r").result(timeout=0.3)
        case "run":
            return client.run("w", timeout=0.3)
        case "update":
            return client.update("u", run_id="r", timeout=0.3)
        case _:
            return client.get_group("r").wait(timeout=0.3)


VERBS = ["result", "run", "update", "group"]


@pytest.mark.parametrize("verb", VERBS)
def test_from_threads(verb: str) -> None:
    with BlockingClient(free_address(), retry_seconds=3) as client, pytest.raises(TimeoutError):
        ask(client, verb)


@pytest.mark.parametrize("verb", VERBS)
async def test_from_asyncio(verb: str) -> None:
    async with Client(free_address(), retry_seconds=3) as client:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(ask(client, verb), 30)
