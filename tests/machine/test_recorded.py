"""A recorded state must be readable for as long as its run lives, whatever version reads it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.engine.run_driver import RUN_ID, SECOND, RunDriver
from treadle_server.definitions.compiled import compile_document
from treadle_server.engine import events as e
from treadle_server.engine import inputs as i
from treadle_server.engine import recorded
from treadle_server.engine.evolve import evolve
from treadle_server.engine.state import RunState
from treadle_server.engine.values import Failure, Payload

STORED = Path(__file__).with_name("recorded_state.json")
"""As the first version wrote it. It is never written again: what cannot read it loses runs."""

DOCUMENT: dict[str, Any] = {
    "treadle": "v1",
    "kind": "machine",
    "name": "long-lived",
    "memory": {"count": "0", "who": "params"},
    "states": {
        "both": {
            "parallel": True,
            "states": {
                "left": {
                    "states": {
                        "asking": {
                            "task": {"activity": "ask", "compensate": "unask", "input": "params"},
                            "results": {"*": "waiting"},
                            "after": {"30d": "waiting"},
                        },
                        "waiting": {
                            "task": {"workflow": "other", "input": "memory.count"},
                            "results": {"*": "asking"},
                            "on": {"again": "asking"},
                        },
                        "where": {"history": "shallow"},
                    }
                },
                "right": {
                    "states": {
                        "idle": {
                            "task": {"activity": "watch", "retry": {"max_attempts": 3}},
                            "results": {"*": "idle"},
                        }
                    }
                },
            },
            "on": {"out": {"target": "outside", "action": {"activity": "leave"}}},
        },
        "outside": {"on": {"back": "where", "stop": "end"}},
        "end": {"final": True},
    },
}


def lived() -> RunDriver:
    """A run with something of everything that a machine can have open."""
    driver = RunDriver(compile_document(DOCUMENT))
    driver.start(Payload(b'{"name": "\xc3\x84da"}', {"encoding": b"json/plain"}))
    [ask] = [key for key in driver.ready() if "asking" in key]
    driver.grant(ask)
    driver.complete(ask, b'"asked"')
    [watch] = [key for key in driver.ready() if "idle" in key]
    driver.grant(watch, session="session", lease=4 * SECOND)
    driver.now += SECOND
    driver.fail(watch, details=Payload(b"\xff\x00"), cause=Failure(kind="Deeper"))
    for number, name in enumerate(["out", "back", "back"]):
        event = i.ReceiveEvent(event_id=f"e{number}", name=name, payload=Payload(b"1"), actor="")
        driver.turn(event)
    return driver


def test_what_was_stored_once_is_still_read() -> None:
    form = Payload(STORED.read_bytes().strip())
    state = compile_document(DOCUMENT).new_state(RUN_ID)
    evolve(state, e.StateRecorded(seq=40, time=9, state=form, keeps_from=1))
    assert json.loads(recorded.record(state).data) == expected(form)
    held = lived().state
    assert (state.memory, state.machine.active) == (held.memory, held.machine.active)
    assert (state.activities.keys(), state.children) == (held.activities.keys(), held.children)
    assert (state.undo, state.received) == (held.undo, held.received)


def expected(form: Payload) -> dict[str, Any]:
    """What is written now: what was stored, and that it was."""
    found: dict[str, Any] = json.loads(form.data)
    found["run"]["recorded_seq"] = 40
    return found


def test_the_stored_state_has_something_of_everything() -> None:
    run = json.loads(STORED.read_bytes())["run"]
    has = ("activities", "memory", "received", "event_ids", "children", "undo", "input")
    assert all(run[name] for name in has), [name for name in has if not run.get(name)]
    assert json.loads(STORED.read_bytes())["machine"]["moving"]


def test_a_run_that_is_held_is_recorded_as_such() -> None:
    document = json.loads(json.dumps(DOCUMENT))
    task = document["states"]["both"]["states"]["right"]["states"]["idle"]["task"]
    task |= {"on_failure": "hold", "retry": {"max_attempts": 1}}
    driver = RunDriver(compile_document(document))
    driver.start(Payload(b"{}"))
    [watch] = [key for key in driver.ready() if "idle" in key]
    driver.grant(watch)
    driver.now += SECOND
    driver.fail(watch)
    held = driver.state.held
    assert held is not None
    assert (held.key, held.since_time) == (watch, driver.now)

    form = recorded.record(driver.state)
    # As it was written before it was known since when.
    earlier = json.loads(form.data)
    del earlier["run"]["activities"][watch]["held_time"]
    for one in (form, Payload(json.dumps(earlier).encode())):
        state = RunState(RUN_ID, driver.compiled.new_state(RUN_ID).progress)
        evolve(state, e.StateRecorded(seq=99, time=9, state=one, keeps_from=1))
        assert state.held == held
        assert recorded.agrees(driver.state, one)


def test_a_state_with_everything_comes_back() -> None:
    driver = lived()
    state = RunState(RUN_ID, driver.compiled.new_state(RUN_ID).progress)
    form = recorded.record(driver.state)
    evolve(state, e.StateRecorded(seq=99, time=9, state=form, keeps_from=1))
    assert recorded.agrees(driver.state, recorded.record(state))


def test_what_a_later_version_knows_is_passed_over() -> None:
    form = json.loads(STORED.read_bytes())
    form["run"]["of_a_later_version"] = {"x": 1}
    form["machine"]["so_is_this"] = []
    state = compile_document(DOCUMENT).new_state(RUN_ID)
    recorded.restore(state, Payload(json.dumps(form).encode()))
    assert state.memory
