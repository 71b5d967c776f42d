"""When an ended run may be deleted, on virtual time."""

from __future__ import annotations

import pytest

from treadle.errors import NotFound, ServerBusy
from treadle.graph import Graph
from treadle.testing import Kit, virtual_time
from treadle_server.engine.turn import EVENTS_KEPT


@virtual_time
async def test_a_run_stays_while_what_it_has_said_is_on_its_way() -> None:
    receiver = Graph("receiver")
    receiver.wait("asked", "something_else")
    sender = Graph("sender")
    sender.send("tell", "news", to="'receiver'", payload="1")
    async with Kit() as kit:
        full = await kit.start(receiver, workflow_id="receiver")
        for _ in range(EVENTS_KEPT):
            await full.send_event("noise")
        said = await kit.start(sender)
        await said.result()
        # The receiver keeps as many events as it may, so the sender's is not yet delivered.
        with pytest.raises(ServerBusy, match="on its way"):
            await kit.client.delete(said.run_id)
        await full.terminate()
        await kit.advance(10)  # nobody is there to be told any more
        await kit.client.delete(said.run_id)
        with pytest.raises(NotFound):
            await said.describe()
