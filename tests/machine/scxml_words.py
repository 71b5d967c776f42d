"""The words in which tests of SCXML are written."""

from __future__ import annotations

from typing import Any

State = dict[str, Any]

PASS: State = {"target": "pass"}
FAIL: State = {"target": "fail"}


def raises(*events: str) -> list[State]:
    """Actions that raise these."""
    return [{"raise": event} for event in events]


def count(*keys: str) -> list[State]:
    """Actions that add one to each."""
    return [{"assign": {key: f"memory.{key} + 1"}} for key in keys]


def note(text: str) -> list[State]:
    """An action that writes down what came."""
    return [{"assign": {"noted": f"memory.noted + ['{text}']"}}]


def noted(*texts: str) -> str:
    """A guard: just these came, in this order."""
    return "memory.noted == [" + ", ".join(f"'{text}'" for text in texts) + "]"


def verdict(guard: str) -> list[State]:
    """Where a machine goes by a guard."""
    return [{"target": "pass", "guard": guard}, FAIL]
