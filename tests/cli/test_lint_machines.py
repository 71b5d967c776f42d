"""`treadle lint` of state machines: each rule speaks where it should, and only there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Treadle
from tests.cli.test_lint import rules, write
from treadle_server.definitions.graph.hints import RULES as GRAPH_RULES
from treadle_server.definitions.machine.hints import RULES

END = {"final": True}
SAFE = {"activity": "charge", "on_failure": "hold"}
ENDLESS = {"activity": "charge", "on_failure": "retry"}


def machine(states: dict[str, Any], **parts: Any) -> Any:
    base = {"treadle": "v1", "kind": "machine", "name": "orders", "initial": next(iter(states))}
    return base | parts | {"states": {**states, "done": END}}


def working(what: Any, **parts: Any) -> Any:
    """A machine with a task."""
    return machine({"charging": {"task": what, "results": {"*": "done"}} | parts})


def many(count: int) -> dict[str, Any]:
    """States side by side, each of which can be reached from anywhere."""
    return {
        f"part_{chr(97 + n)}": {"on": {f"next_{n}": f"part_{chr(97 + n)}"}} for n in range(count)
    }


def jumps(count: int) -> dict[str, str]:
    return {f"to_{n}": f"part_{chr(97 + n)}" for n in range(count)} | {"end": "done"}


SPEAKS = {
    "no-error-path": [
        working("charge"),
        working("charge", error=[]),
        machine({"charging": {"node": {"execute": "charge"}, "results": {"*": "done"}}}),
        machine({"charging": {"entry": "charge", "on": {"paid": "done"}}}),
        machine({"charging": {"exit": ["charge"], "on": {"paid": "done"}}}),
        machine({"open": {"on": {"pay": {"target": "done", "action": "charge"}}}}),
        machine({"open": {"after": {"1d": {"target": "done", "action": "charge"}}}}),
        machine({"open": {"on": {"pay": "done"}}}, on={"log": {"action": "charge"}}),
        machine(
            {
                "open": {"on": {"pay": "charging"}, "error": "done"},
                "charging": {"task": "charge", "results": {"*": "done"}},
            }
        ),
    ],
    "no-timeout": [working(ENDLESS), working({"activity": "x", "retry": {"max_attempts": 0}})],
    "too-many-nodes": [
        machine(many(15), on=jumps(15)),
        machine({"group": {"states": many(16), "on": jumps(16)}}),
    ],
    "unclear-name": [machine({"state_1": {"on": {"go": "done"}}})],
}
SILENT = {
    "no-error-path": [
        working("charge", error="done"),
        working(SAFE),
        working(ENDLESS),
        working({"workflow": "charge"}),
        working({"activity": "charge", "compensate": "refund"}),
        working({"activity": "charge"}) | {"error": "done"},
        machine(
            {"open": {"states": {"c": {"entry": "charge", "on": {"x": "done"}}}, "error": "done"}}
        ),
        machine({"open": {"entry": {"assign": {"n": "1"}}, "on": {"pay": "done"}}}),
    ],
    "no-timeout": [
        working({**ENDLESS, "schedule_to_close": "1d"}),
        working(ENDLESS) | {"run_timeout": "1d"},
        machine({"open": {"on": {"pay": "open"}}}, on={"end": "done"}),
    ],
    "too-many-nodes": [machine(many(14), on=jumps(14))],
    "unclear-name": [machine({"waiting": {"on": {"go": "done"}}})],
}


def test_every_rule_has_its_cases_and_its_name_from_graphs() -> None:
    assert SPEAKS.keys() == SILENT.keys() == RULES.keys()
    assert RULES.keys() <= GRAPH_RULES.keys()


@pytest.mark.parametrize(
    ("rule", "document"),
    [
        pytest.param(rule, one, id=f"{rule}-{n}")
        for rule in SPEAKS
        for n, one in enumerate(SPEAKS[rule])
    ],
)
def test_a_rule_speaks_where_it_should(
    rule: str, document: Any, treadle: Treadle, tmp_path: Path
) -> None:
    assert rules(treadle, write(tmp_path, document)) == [rule]
    assert rules(treadle, write(tmp_path, document), "--ignore", rule) == []


@pytest.mark.parametrize(
    ("rule", "document"),
    [
        pytest.param(rule, one, id=f"{rule}-{n}")
        for rule in SILENT
        for n, one in enumerate(SILENT[rule])
    ],
)
def test_a_rule_is_silent_elsewhere(
    rule: str, document: Any, treadle: Treadle, tmp_path: Path
) -> None:
    found = rules(treadle, write(tmp_path, document))
    assert not {rule, ""} & {*found}, "nor would the server refuse it"


def test_a_machine_that_lives_for_ever_leaves_nothing_to_say(
    treadle: Treadle, tmp_path: Path
) -> None:
    lamp = {"on": {"on": {"press": "off"}}, "off": {"on": {"press": "on"}}}
    document = machine(lamp) | {"states": lamp}
    assert rules(treadle, write(tmp_path, document)) == []


def test_a_hint_is_shown_where_the_activity_stands(treadle: Treadle, tmp_path: Path) -> None:
    text = (
        "treadle: v1\nkind: machine\nname: o\nstates:\n  open:\n    states:\n      paying:\n"
        "        on:\n          paid:\n            target: done\n            action: [a, b]\n"
        "  done: {final: true}\n"
    )
    file = write(tmp_path, text)
    done = treadle("lint", file)
    assert done.exit_code == 0
    assert done.stdout.startswith(
        f"{file}:11: hint [no-error-path]: states.open.states.paying.on.paid.action[0]: "
        "if 'a', 'b' fails for good, the run fails and nothing is undone"
    )
    assert treadle("lint", "--strict", file).exit_code == 1
