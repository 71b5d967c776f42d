"""`treadle lint`: each rule speaks where it should, and only there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.conftest import Treadle
from treadle_server.definitions.graph.hints import RULES


def document(nodes: dict[str, Any], edges: list[dict[str, Any]] | None = None, **parts: Any) -> Any:
    base = {"treadle": "v1", "kind": "graph", "name": "orders", "nodes": nodes}
    return base | {"edges": edges or []} | parts


CAREFUL = document(
    {
        "reserve": {"compensate": "release"},
        "charge": {},
        "approval": {"wait": {"event": "approved", "timeout": "2d"}},
    },
    [{"from": "reserve", "to": "charge"}, {"from": "charge", "to": "approval"}],
    run_timeout="7d",
)
SAFE = {"on_failure": "continue"}
TYPES = {
    "charge": {
        "output": {
            "type": "object",
            "properties": {"payment": {"type": "string"}},
            "required": ["payment"],
        }
    },
    "refund": {"input": {"type": "string"}},
}
POLL = [{"from": "ask", "to": "look"}, {"from": "look", "to": "ask", "when": "output.more"}]

SPEAKS = {
    "no-error-path": document({"charge": {}, "ship": {}}),
    "no-timeout": document({"approval": {"wait": "approved"}}),
    "too-many-nodes": document({f"part_{chr(97 + n)}": SAFE for n in range(16)}),
    "unclear-name": document({"node_1": SAFE}),
    "tight-loop": document({"ask": SAFE, "look": SAFE}, POLL),
    "long-expression": document(
        {"fetch": SAFE, "store": SAFE},
        [
            {
                "from": "fetch",
                "to": "store",
                "map": "output.a" + " + 'y'" * 30,
            }
        ],
    ),
    "undo-does-not-fit": document({"charge": {"compensate": "refund"}}, activities=TYPES),
}
SILENT = {
    "no-error-path": document({"charge": {"on_failure": "hold"}, "ship": SAFE}),
    "no-timeout": document({"approval": {"wait": "approved"}}, run_timeout="1d"),
    "too-many-nodes": document({f"part_{chr(97 + n)}": SAFE for n in range(15)}),
    "unclear-name": document({"fetch_user": SAFE}),
    "tight-loop": document({"ask": SAFE, "look": SAFE}, [POLL[0], POLL[1] | {"delay": "5s"}]),
    "long-expression": document(
        {"fetch": SAFE, "store": SAFE}, [{"from": "fetch", "to": "store", "map": "output.a"}]
    ),
    "undo-does-not-fit": document(
        {"charge": {"compensate": {"activity": "refund", "input": "output.payment"}}},
        activities=TYPES,
    ),
}


def write(folder: Path, content: Any, name: str = "orders.yaml") -> str:
    path = folder / name
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    return str(path)


def rules(treadle: Treadle, *line: str) -> list[str]:
    done = treadle("lint", *line, "-o", "json")
    assert done.exit_code in (0, 1), done.stderr
    return [one["rule"] for one in json.loads(done.stdout)["findings"]]


def test_every_rule_has_its_cases() -> None:
    assert SPEAKS.keys() == SILENT.keys() == RULES.keys()


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_speaks_where_it_should_and_only_there(
    rule: str, treadle: Treadle, tmp_path: Path
) -> None:
    assert rules(treadle, write(tmp_path, SPEAKS[rule])) == [rule]
    assert rule not in rules(treadle, write(tmp_path, SILENT[rule]))
    assert rules(treadle, write(tmp_path, SPEAKS[rule]), "--ignore", rule) == []


def test_a_careful_definition_leaves_nothing_to_say(treadle: Treadle, tmp_path: Path) -> None:
    done = treadle("lint", write(tmp_path, CAREFUL))
    assert (done.exit_code, done.stdout) == (0, "")
    assert "nothing to say" in done.stderr


def test_hints_are_shown_at_their_lines_and_fail_only_when_asked(
    treadle: Treadle, tmp_path: Path
) -> None:
    file = write(tmp_path, "treadle: v1\nkind: graph\nname: o\nnodes:\n  charge: {}\n")
    done = treadle("lint", file)
    assert done.exit_code == 0
    assert done.stdout.startswith(
        f"{file}:5: hint [no-error-path]: nodes.charge: if 'charge' fails"
    )
    assert treadle("lint", "--strict", file).exit_code == 1


def test_what_the_server_would_refuse_is_an_error(treadle: Treadle, tmp_path: Path) -> None:
    file = write(tmp_path, "treadle: v1\nkind: graph\nname: o\nnodes:\n  a: {retri: 1}\n")
    done = treadle("lint", file)
    assert done.exit_code == 1
    assert f"{file}:5: error: nodes.a.retri" in done.stdout


def test_workflows_that_contain_each_other(treadle: Treadle, tmp_path: Path) -> None:
    def parent(name: str, child: str) -> str:
        content = document({"inner": {"workflow": child}}, name=name)
        return write(tmp_path, content, f"{name}.yaml")

    ring = [parent("first", "second"), parent("second", "third"), parent("third", "first")]
    assert rules(treadle, *ring) == ["contains-itself"] * 3
    assert rules(treadle, *ring[:2]) == []
    tower = [parent(f"level_{n}", f"level_{n + 1}") for n in range(1, 6)]
    bottom = write(tmp_path, document({"work": SAFE}, name="level_6"), "bottom.yaml")
    assert rules(treadle, *tower, bottom) == ["deep-nesting"]


PYTHON = """\
import time
from time import sleep as nap

import treadle
from treadle import activity

seen = []
total = 0


@activity
async def blocks(n: int) -> int:
    time.sleep(n)
    nap(n)
    return n


@treadle.activity(name="counts")
def counts(n: int) -> int:
    global total
    total += n
    seen.append(n)
    return total


@activity
def may_block(n: int) -> int:
    time.sleep(n)
    seen = []
    seen.append(n)
    return n


async def no_activity() -> None:
    time.sleep(1)
"""


def test_activities_that_block_or_share_state(treadle: Treadle, tmp_path: Path) -> None:
    file = write(tmp_path, PYTHON, "shop.py")
    found = json.loads(treadle("lint", file, "-o", "json").stdout)["findings"]
    assert [(one["line"], one["rule"]) for one in found] == [
        (13, "blocking-call"),
        (14, "blocking-call"),
        (20, "shared-state"),
        (22, "shared-state"),
    ]
    assert "use await asyncio.sleep" in found[0]["message"]


def test_a_file_that_is_no_python(treadle: Treadle, tmp_path: Path) -> None:
    done = treadle("lint", write(tmp_path, "def (:\n", "broken.py"), write(tmp_path, CAREFUL))
    assert done.exit_code == 1
    assert "broken.py:1: error [syntax]: invalid syntax" in done.stdout


@pytest.mark.parametrize("source", [b"x = 1\0\n", b"# \xff\n", b"# coding: nosuch\n"])
def test_a_file_that_is_no_text(treadle: Treadle, tmp_path: Path, source: bytes) -> None:
    file = tmp_path / "bytes.py"
    file.write_bytes(source)

    done = treadle("lint", str(file), "-o", "json")

    assert done.exit_code == 1
    (found,) = json.loads(done.stdout)["findings"]
    assert (found["level"], found["rule"]) == ("error", "syntax")


def test_jsonl_is_a_finding_per_line(treadle: Treadle, tmp_path: Path) -> None:
    file = write(tmp_path, "treadle: v1\nkind: graph\nname: o\nnodes:\n  a: {b: 1}\n  c: {d: 1}\n")

    lines = treadle("lint", file, "-o", "jsonl").stdout.splitlines()

    assert [json.loads(line)["level"] for line in lines] == ["error", "error"]
