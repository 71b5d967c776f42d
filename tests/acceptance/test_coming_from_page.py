"""The page for those who come from another engine, followed as it stands."""

from __future__ import annotations

import re
from pathlib import Path

from examples.local_service import local_service
from tests.acceptance.followed_page import BIN, blocks, run, shell

PAGE = "coming-from.md"
VARIES = (
    (re.compile(r"\d{4}-\d\d-\d\d( \d\d:\d\d:\d\d\.\d+ \+00:00)?"), "DATE"),
    (re.compile(r"\d\d:\d\d:\d\d\.\d+"), "TIME"),
    (re.compile(r"\b\d+(\.\d+)?m?s\b"), "TOOK"),
    (re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"), "ID"),
    (re.compile(r" +"), " "),
)

# The worker deploys its code a moment after it has begun.
UNTIL_DEPLOYED = "until treadle definitions list | grep -q '^order '; do sleep 0.1; done"


def alike(text: str) -> list[str]:
    """Lines without what differs from run to run."""
    for pattern, word in VARIES:
        text = pattern.sub(word, text)
    return [line.strip() for line in text.splitlines()]


def test_the_page_leads_to_where_it_says(tmp_path: Path) -> None:
    [code, test], [graph] = blocks(PAGE, "python"), blocks(PAGE, "yaml")
    server, worker, begin, cancel, again = blocks(PAGE, "sh")
    history, nodes = blocks(PAGE, "text")
    assert server == "treadle server --data-dir data\n"
    assert worker == "treadle worker orders.py --identity worker-1\n"
    (tmp_path / "orders.py").write_text(code)
    (tmp_path / "orders.yaml").write_text(graph)
    (tmp_path / "test_orders.py").write_text(test)

    with local_service(tmp_path) as service:
        service.start_worker(str(tmp_path / "orders.py"), "--identity", "worker-1")
        shell(service, tmp_path, UNTIL_DEPLOYED)
        begun = alike(shell(service, tmp_path, begin))
        cancelled = alike(shell(service, tmp_path, cancel))
        first, second, *refused = alike(shell(service, tmp_path, again))
        tested = run(service, tmp_path, str(BIN / "python"), "-m", "pytest", "-q", "test_orders.py")

    assert begun[0].startswith("✓ order_graph v1 stored")
    assert begun[1:] == ["ID", "ID", *alike(history)]
    assert cancelled[-len(alike(nodes)) :] == alike(nodes)
    assert "exit code 11" in cancelled
    assert first == second == "ID"
    assert "the reuse policy forbids another" in refused[0]
    assert refused[-1] == "exit code 1"
    assert "1 passed" in tested


def test_an_id_is_free_again_when_its_run_has_ended(tmp_path: Path) -> None:
    """As the page says, unless a policy says otherwise."""
    [code, _] = blocks(PAGE, "python")
    (tmp_path / "orders.py").write_text(code)
    start = (
        """treadle -q start order --id one --input '{"id": "1", "total": 2000}' --wait || true"""
    )
    with local_service(tmp_path) as service:
        service.start_worker(str(tmp_path / "orders.py"))
        shell(service, tmp_path, UNTIL_DEPLOYED)
        said = [shell(service, tmp_path, start) for _ in range(2)]
        runs = shell(service, tmp_path, "treadle runs list -o jsonl").splitlines()
    assert all("CardDeclined" in one for one in said)
    assert len(runs) == 2
