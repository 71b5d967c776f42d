"""The whole order processing of `seeds/000` in the test kit: fifty orders on virtual time, each as
it must end, however often it was tried.
"""

from __future__ import annotations

from collections import Counter
from itertools import islice
from pathlib import Path

import pytest

from examples.order_processing import activities
from examples.order_processing.expected import expected
from examples.order_processing.orders import read_orders
from examples.order_processing.services import LEDGER_VARIABLE
from examples.order_processing.workflow import order_processing
from treadle.activities import Activity
from treadle.testing import Kit, virtual_time

ORDERS = 50


@virtual_time
async def test_s000_24_order_processing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(LEDGER_VARIABLE, str(tmp_path / "ledger.db"))
    found = [one for one in vars(activities).values() if isinstance(one, Activity)]
    endings: Counter[str] = Counter()
    async with Kit() as kit, kit.worker(*found, resources=activities.resources):
        for order in islice(read_orders(), ORDERS):
            run = await kit.run(order_processing, order.to_json())
            wanted = expected(order)
            assert run.state == ("FAILED" if wanted.failure_kind else "COMPLETED"), order.order_id
            assert (run.failure.kind if run.failure else "") == wanted.failure_kind
            assert run.output == wanted.output
            tried = Counter(attempt.activity for attempt in run.attempts)
            assert dict(tried) == wanted.attempts
            endings[wanted.ending] += 1
    assert len(endings) >= 3  # the sample shows more than one way to end
