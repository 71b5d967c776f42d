"""Random small state machines that come to their end: time leads on from wherever they are."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from tests.simulation.graphs import ACTIVITY_TYPES, EVENT_NAME
from treadle_server.definitions.compiled import compile_document

_COUNT = {"assign": {"visits": "memory.visits + 1"}}
_ENOUGH = "memory.visits > 6"


def machine(source: random.Random, name: str, children: Sequence[str] = ()) -> dict[str, Any]:
    """A document that is accepted; it may start runs of `children`."""
    draft = _Draft(source, children)
    document = {
        "treadle": "v1",
        "kind": "machine",
        "name": name,
        "memory": {"visits": "0"},
        "on": {"give-up": "bad"},
        "states": draft.states(),
    }
    compile_document(document)
    return document


class _Draft:
    def __init__(self, source: random.Random, children: Sequence[str]) -> None:
        self._random = source
        self._children = children

    def states(self) -> dict[str, Any]:
        """A row of states, some of which lead back; each way counts, and soon all lead on."""
        names = [f"s{number}" for number in range(self._random.randint(2, 5))]
        found = {name: self._state(names, place) for place, name in enumerate(names)}
        if self._share(0.3):
            found = {"both": self._parallel(found)}
        return found | {
            "end": {"final": {"output": "memory.visits"}},
            "bad": {"final": {"fail": {"kind": "Bad"}}},
        }

    def _parallel(self, left: dict[str, Any]) -> dict[str, Any]:
        right = {
            "waiting": {"after": {"15s": "waited"}},
            "waited": {"final": True},
        }
        return {
            "parallel": True,
            "states": {
                "left": {"states": left},
                "right": {"states": right, "on": {"done.right": {"action": _COUNT}}},
            },
        }

    def _share(self, share: float) -> bool:
        return self._random.random() < share

    def _state(self, names: Sequence[str], place: int) -> dict[str, Any]:
        onward = names[place + 1] if place + 1 < len(names) else "end"
        state: dict[str, Any] = {
            "entry": self._actions(),
            "exit": self._actions(),
            "always": {"target": "end", "guard": _ENOUGH},
            "after": {f"{self._random.randint(1, 40)}s": {"target": onward, "action": _COUNT}},
            "on": {
                EVENT_NAME: {
                    "target": self._random.choice(names),
                    "action": [_COUNT, *self._actions()],
                }
            },
        }
        if self._share(0.7):
            state["task"] = self._task()
            back = self._random.choice(names)
            state["results"] = {"*": {"target": onward if self._share(0.7) else back}}
            state["results"]["*"]["action"] = _COUNT
        if self._share(0.7):
            target = self._random.choice(["bad", "end", onward])
            state["error"] = {"target": target, "action": _COUNT}
        return {key: part for key, part in state.items() if part != []}

    def _task(self) -> dict[str, Any]:
        if self._children and self._share(0.15):
            parent_end = self._random.choice(("terminate", "cancel", "abandon"))
            child = self._random.choice(self._children)
            return {"workflow": child, "input": "params", "on_parent_end": parent_end}
        task: dict[str, Any] = self._activity()
        if self._share(0.3):
            task["compensate"] = "undo"
        return task

    def _activity(self) -> dict[str, Any]:
        activity: dict[str, Any] = {
            "activity": self._random.choice(ACTIVITY_TYPES[:2]),
            "input": "params",
        }
        if self._share(0.5):
            activity["retry"] = {"max_attempts": self._random.randint(1, 4), "initial": "1s"}
        activity["start_to_close"] = self._random.choice(("4s", "20s"))
        if self._share(0.15):
            activity["on_failure"] = self._random.choice(("hold", "retry"))
        return activity

    def _actions(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while self._share(0.3) and len(found) < 2:
            kind = self._random.random()
            if kind < 0.4:
                found.append(_COUNT)
            elif kind < 0.7:
                found.append(self._activity())
            elif kind < 0.85:
                found.append({"raise": EVENT_NAME})
            else:
                found.append({"send": EVENT_NAME, "to_all": True})
        return found
