"""The page about a first workflow, followed as it stands: a real server and a real worker."""

from __future__ import annotations

from pathlib import Path

from examples.local_service import local_service
from tests.acceptance.followed_page import BIN, blocks, run, shell

PAGE = "howto/first-workflow.md"


def test_the_page_leads_to_where_it_says(tmp_path: Path) -> None:
    [graph], [activities, program] = blocks(PAGE, "yaml"), blocks(PAGE, "python")
    server, worker, begin, go_on, goes_wrong = blocks(PAGE, "sh")
    assert server == "treadle server --data-dir data\n"
    assert worker == "treadle worker activities.py\n"
    (tmp_path / "orders.yaml").write_text(graph)
    (tmp_path / "activities.py").write_text(activities)
    (tmp_path / "program.py").write_text(program)

    with local_service(tmp_path) as service:
        working = service.start_worker(str(tmp_path / "activities.py"))
        shell(service, tmp_path, begin)
        until = "until treadle runs get order-17 | grep -q 'waits for'; do sleep 0.1; done"
        shell(service, tmp_path, until)
        shown = shell(service, tmp_path, "treadle runs get order-17")
        working.kill()
        service.server.kill()
        service.start_server()
        working.start()
        ended = shell(service, tmp_path, go_on)
        broken = shell(service, tmp_path, goes_wrong)
        asked = run(service, tmp_path, str(BIN / "python"), "program.py")

    [tree] = blocks(PAGE, "text")
    for expected in tree.splitlines():
        assert expected.partition(", until")[0] in shown
    assert '"parcel": "parcel-17"' in ended
    assert "RunCompleted" in ended
    assert "exit code 10" in broken
    assert "CardDeclined" in broken
    assert "exit code 11" in broken
    assert "charge!undo" in broken
    assert asked == "{'payment': 'payment-20', 'parcel': 'parcel-20'}\n"
