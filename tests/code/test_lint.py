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


RIGHT_OR_WRONG = {
    "the module's own function with the name of a builtin": (
        "    return await open(given), id(given)\n",
        "async def open(account): ...\nclass Book:\n    def id(self): ...\n",
        ["hash"],
    ),
    "a parameter with the name of a builtin": (
        "    async def one(*open, **input):\n"
        "        return open(1), input(2)\n"
        "    return await one()\n",
        "",
        [],
    ),
    "a name that a pattern gives": (
        "    match given:\n        case {'open': open}:\n            open(given)\n",
        "",
        [],
    ),
    "what was a set is a list": (
        "    tags = set(given)\n    tags = sorted(tags)\n    return [tag for tag in tags]\n",
        "",
        [],
    ),
    "the same in any order": (
        "    tags = set(given)\n"
        "    return sorted(tag.lower() for tag in tags), any(tag == 'x' for tag in tags), "
        "{tag for tag in tags}\n",
        "",
        [],
    ),
    "not the same in any order": (
        "    tags = set(given)\n"
        "    found = {await step(print, tag) for tag in tags}\n"
        "    return sorted((tag for tag in tags), key=len), found\n",
        "",
        ["unordered-set", "unordered-set"],
    ),
    "a lambda that a step calls": (
        "    clock = lambda: time.time()\n"
        "    return await step(clock), await step(functools.partial(lambda: time.time()))\n",
        "",
        [],
    ),
    "a lambda that the code calls": (
        "    clock = lambda: time.time()\n    return clock()\n",
        "",
        ["clock"],
    ),
    "what answers an update": (
        "    @workflow.on_update\n"
        "    def who():\n"
        "        return time.time()\n"
        "    await workflow.wait_for_event('end')\n",
        "",
        ["clock"],
    ),
    "what looks at an update first": (
        "    @workflow.on_update('who', validator=check)\n"
        "    def who(): ...\n"
        "    await workflow.wait_for_event('end')\n",
        "def check():\n    return time.time()\n",
        ["clock"],
    ),
}


@pytest.mark.parametrize("name", RIGHT_OR_WRONG)
def test_what_is_wrong_is_told_from_what_looks_like_it(name: str) -> None:
    body, beside, expected = RIGHT_OR_WRONG[name]
    head = "import functools\nimport time\nfrom treadle import step, workflow\n"
    found = lint_source(f"{head}{beside}\n@workflow\nasync def process(given):\n{body}")
    assert [one.rule for one in found] == expected


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
