"""`treadle lint` finds what a replay would do otherwise, and says nothing of code that is right."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from treadle.lint import lint_source

PLANTED = Path(__file__).parent / "planted" / "faults.py"
FAULT = re.compile(r"# fault: ([\w-]+)")
RIGHT = sorted(
    file
    for folder in ("examples", "tests/twins", "tests/code", "docs")
    for file in Path(folder).rglob("*.py")
    if "planted" not in file.parts
)


def test_each_planted_fault_is_found_at_its_line() -> None:
    planted = [
        (number, match[1])
        for number, line in enumerate(PLANTED.read_text().splitlines(), 1)
        if (match := FAULT.search(line))
    ]
    assert len(planted) >= 30
    found = lint_source(PLANTED.read_text(), str(PLANTED))
    assert [(one.line, one.rule) for one in found] == planted
    assert all("use " in one.message or "start" in one.message or "sorted" in one.message
               or "None" in one.message or "variables" in one.message for one in found)  # fmt: skip


@pytest.mark.parametrize("file", RIGHT, ids=str)
def test_no_false_alarm(file: Path) -> None:
    found = lint_source(file.read_text(), str(file))
    of_workflows = [one for one in found if one.rule not in ("blocking-call", "shared-state")]
    # One workflow does it all on purpose: its test is that it is refused.
    assert [one for one in of_workflows if "workflow 'direct'" not in one.message] == []


SEED_002 = {
    "a set, where the seed has a hash map": (
        "async def process(items: list):\n"
        "    for item in set(items):\n"
        "        await step(print, item)\n",
        [("unordered-set", "hint")],
    ),
    "sorted": (
        "async def process(items: list):\n"
        "    for item in sorted(set(items)):\n"
        "        await step(print, item)\n",
        [],
    ),
    "a dict keeps its order": (
        "async def process(items: dict):\n"
        "    for key, item in items.items():\n"
        "        await step(print, item).named(f'process_{key}')\n",
        [],
    ),
    "a random id": ("async def assign():\n    return uuid.uuid4()\n", [("ids", "error")]),
    "a random id from a step": (
        "async def assign():\n    return await step(lambda: str(uuid.uuid4()))\n",
        [],
    ),
    "the clock": (
        "async def now():\n    return datetime.datetime.now().hour > 12\n",
        [("clock", "error")],
    ),
    "the workflow's time": ("async def now():\n    return workflow.now().hour > 12\n", []),
}


@pytest.mark.parametrize("name", SEED_002)
def test_the_six_snippets_of_seed_002(name: str) -> None:
    source, expected = SEED_002[name]
    head = "import datetime\nimport uuid\nfrom treadle import step, workflow\n\n\n@workflow\n"
    found = lint_source(head + source)
    assert [(one.rule, one.level) for one in found] == expected
