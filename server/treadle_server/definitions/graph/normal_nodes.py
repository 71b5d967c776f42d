"""The normal form of nodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from treadle_server.definitions.document import Fields, Problems
from treadle_server.definitions.graph.nodes import WINDOW
from treadle_server.definitions.graph.normal_parts import (
    Part,
    duration,
    expression,
    options,
    said,
)
from treadle_server.definitions.graph.options import (
    TIMEOUTS,
    Defaults,
    read_compensation_options,
    read_options,
)
from treadle_server.definitions.graph.rules import join_form
from treadle_server.engine.values import Duration


def node_form(
    name: str,
    body: Mapping[str, Any],
    defaults: Defaults,
    index: Mapping[str, int],
    names: Sequence[str],
) -> Part:
    """The normal form of a node; `names` are all nodes in order, `index` their numbers."""
    path = f"nodes.{name}"
    description = body.get("description")
    if "fail" in body:
        fail = body["fail"] or {}
        message = expression(fail.get("message"), f"{path}.fail.message")
        return said(description=description, join=join_form(body, index, names)) | {
            "fail": said(kind=fail.get("kind"), message=message)
        }
    special = _special(body, path)
    if special is None:
        node = _activity(name, body, defaults)
    else:
        node = said(input=expression(body.get("input"), f"{path}.input")) | special
    common = said(
        description=description,
        join=join_form(body, index, names),
        run_if=expression(body.get("run_if"), f"{path}.run_if"),
        on_failure=body.get("on_failure") if body.get("on_failure") != "fail" else None,
        choice="first" if body.get("choice") == "first" else None,
    )
    if body.get("default_output") is not None:
        common["default_output"] = body["default_output"]
    return common | node


def _activity(name: str, body: Mapping[str, Any], defaults: Defaults) -> Part:
    path = f"nodes.{name}"
    asked = read_options(Fields(body, path, Problems()), name, defaults)
    timeouts = {
        "start_to_close": asked.start_to_close_timeout,
        "schedule_to_start": asked.schedule_to_start_timeout,
        "schedule_to_close": asked.schedule_to_close_timeout,
        "heartbeat": asked.heartbeat_timeout,
    }
    # What `on_failure: retry` does to a policy is said by that alone.
    retry = asked.retry
    if body.get("on_failure") == "retry":
        usual = {**body, "on_failure": "fail"}
        retry = read_options(Fields(usual, path, Problems()), name, defaults).retry
    return said(
        activity=asked.type if asked.type != name else None,
        input=expression(body.get("input"), f"{path}.input"),
        memory=list(asked.memory_keys) or None,
        **options(asked.queue, retry, timeouts, asked.priority, defaults),
        delay=duration(body.get("delay")),
        at=expression(body.get("at"), f"{path}.at"),
        map=_map(body, path),
        compensate=_compensation(body, path, defaults),
    )


def _map(body: Mapping[str, Any], path: str) -> Part | None:
    if "map" not in body:
        return None
    inner = _long_form(body["map"], "over")
    return said(
        over=expression(inner.get("over"), f"{path}.map.over"),
        parallel=inner.get("parallel") if inner.get("parallel") != WINDOW else None,
        batch=inner.get("batch") if inner.get("batch") != 1 else None,
        tolerate=inner.get("tolerate") or None,
    )


def _compensation(body: Mapping[str, Any], path: str, defaults: Defaults) -> Part | None:
    if "compensate" not in body:
        return None
    inner = _long_form(body["compensate"], "activity")
    asked = read_compensation_options(Fields(inner, path, Problems()), defaults)
    timeouts: dict[str, Duration | None] = dict.fromkeys(TIMEOUTS)
    timeouts["start_to_close"] = asked.start_to_close_timeout
    return said(
        activity=asked.type,
        input=expression(inner.get("input"), f"{path}.compensate.input"),
        **options(asked.queue, asked.retry, timeouts, defaults.priority, defaults),
    )


def _long_form(value: Any, short: str) -> Mapping[str, Any]:
    """An object; text stands for one with this only key."""
    if isinstance(value, str):
        return {short: value}
    return value or {}


def _special(body: Mapping[str, Any], path: str) -> Part | None:
    """What a node that runs no activity is; None for one that does."""
    for kind, form in _SPECIAL.items():
        if kind in body:
            return {kind: form(body[kind], f"{path}.{kind}")}
    return None


def _compute(value: Any, path: str) -> Any:
    return expression(value, path)


def _timer(value: Any, path: str) -> Part:
    inner = _long_form(value, "delay")
    return said(delay=duration(inner.get("delay")), at=expression(inner.get("at"), f"{path}.at"))


def _wait(value: Any, path: str) -> Part:
    inner = _long_form(value, "event")
    return said(
        event=inner.get("event"),
        filter=expression(inner.get("filter"), f"{path}.filter"),
        timeout=duration(inner.get("timeout")),
        look_back=duration(inner.get("look_back")),
    )


def _send(value: Any, path: str) -> Part:
    return said(
        event=value.get("event"),
        to=expression(value.get("to"), f"{path}.to"),
        to_all=value.get("to_all") or None,
    )


def _workflow(value: Any, path: str) -> Part:
    inner = _long_form(value, "name")
    end = inner.get("on_parent_end")
    return said(
        name=inner.get("name"),
        version=inner.get("version"),
        workflow_id=expression(inner.get("workflow_id"), f"{path}.workflow_id"),
        on_parent_end=end if end != "terminate" else None,
        wait=False if inner.get("wait") is False else None,
    )


_SPECIAL = {
    "compute": _compute,
    "timer": _timer,
    "wait": _wait,
    "send": _send,
    "workflow": _workflow,
}
