"""The normal form of a graph document: the content that versions are compared by, and stored.

Two documents that differ by accidents alone have one normal form: YAML or a builder, a mapping as
an object or as text, `depends_on` or edges, `90s` or `1m30s`, what is said although it holds
anyway, the order of keys. What means something stays: the order of nodes and of edges (edges are
named by their place in events, so no edge may ever move), and constants to the letter.

Only for documents that `parse` accepts. The normal form is accepted too, and means the same.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from treadle_server.definitions.document import Fields, Problems, parse_duration
from treadle_server.definitions.expression import (
    SOURCE_LIMIT,
    ExpressionInvalid,
    canonical_source,
    compile_expression,
    mapping_source,
)
from treadle_server.definitions.graph.options import (
    BACKOFFS,
    INITIAL,
    MAX_PER_INITIAL,
    TIMEOUTS,
    Defaults,
    read_defaults,
    read_options,
)
from treadle_server.engine.values import NO_RETRY, Backoff, Duration, RetryPolicy

_UNITS = (("d", 86_400_000_000), ("h", 3_600_000_000), ("m", 60_000_000), ("s", 1_000_000))

_BACKOFF_WORDS = {backoff: word for word, backoff in BACKOFFS.items()}

Part = dict[str, Any]


def normalise(document: Mapping[str, Any]) -> Part:
    """The normal form. Raises nothing that `parse` would not have raised."""
    defaults = read_defaults(document.get("defaults"), "defaults", Problems())
    nodes = {name: _node(name, body or {}, defaults) for name, body in document["nodes"].items()}
    return _said(
        treadle=document["treadle"],
        kind="graph",
        name=document["name"],
        description=document.get("description"),
        params=_params(document.get("params")),
        defaults=_defaults(defaults) or None,
        run_timeout=_duration(document.get("run_timeout")),
        nodes=nodes,
        edges=list(_edges(document)) or None,
        output=_expression(document.get("output"), "output"),
        activities=_activities(document.get("activities")),
    )


def duration_text(microseconds: Duration) -> str:
    """The one text of a duration: `1h30m`, `1s500ms`, `0.25ms`."""
    text = ""
    for unit, size in _UNITS:
        amount, microseconds = divmod(microseconds, size)
        text += f"{amount}{unit}" * bool(amount)
    if microseconds or not text:
        text += f"{microseconds / 1_000:.3f}".rstrip("0").rstrip(".") + "ms"
    return text


def _said(**parts: Any) -> Part:
    """The parts that say something, in this order."""
    return {name: value for name, value in parts.items() if value is not None and value != ""}


def _duration(value: Any) -> str | None:
    found = None if value is None else parse_duration(value)
    return None if found is None else duration_text(found)


# --- parameters, defaults, activities -------------------------------------------------------------


def _params(params: Mapping[str, Any] | None) -> Part | None:
    """Sorted; an empty declaration stays, because it accepts no parameter at all."""
    if params is None:
        return None
    return {name: _parameter(params[name]) for name in sorted(params)}


def _parameter(body: Mapping[str, Any]) -> Part:
    declared = _said(
        type=body.get("type") if body.get("type") != "any" else None,
        required=False if body.get("required") is False and "default" not in body else None,
        min_length=body.get("min_length") or None,
        description=body.get("description"),
    )
    return declared | ({"default": body["default"]} if "default" in body else {})


def _defaults(defaults: Defaults) -> Part:
    usual = read_defaults(None, "defaults", Problems())
    return _options(defaults.queue, defaults.retry, defaults.timeouts, defaults.priority, usual)


def _options(
    queue: str,
    retry: RetryPolicy,
    timeouts: Mapping[str, Duration | None],
    priority: int,
    usual: Defaults,
) -> Part:
    """Options of activities, where they differ from the usual ones."""
    different = {
        name: duration_text(timeout)
        for name in TIMEOUTS
        if (timeout := timeouts[name]) is not None and timeout != usual.timeouts[name]
    }
    return _said(
        queue=queue if queue != usual.queue else None,
        retry=_retry(retry) if retry != usual.retry else None,
        **different,
        priority=priority if priority != usual.priority else None,
    )


def _retry(policy: RetryPolicy) -> Part:
    """Never empty: a policy that says nothing is not the same as none."""
    initial, increment = policy.initial_interval, policy.increment
    stepped = policy.backoff is Backoff.LINEAR and increment != initial
    longest = MAX_PER_INITIAL * initial
    return _said(
        max_attempts=policy.max_attempts,
        initial=duration_text(initial) if stepped or initial != INITIAL else None,
        backoff=_BACKOFF_WORDS[policy.backoff] if policy.backoff != NO_RETRY.backoff else None,
        factor=_number(policy.coefficient, NO_RETRY.coefficient),
        increment=duration_text(increment) if stepped else None,
        max=duration_text(policy.max_interval) if policy.max_interval != longest else None,
        jitter=_number(policy.jitter, NO_RETRY.jitter),
        retry_on=list(policy.retry_on) or None,
        not_on=list(policy.non_retryable_kinds) or None,
    )


def _number(value: float, usual: float) -> float | None:
    if value == usual:
        return None
    return int(value) if float(value).is_integer() else value


def _activities(activities: Mapping[str, Any] | None) -> Part | None:
    described = {
        name: _said(
            description=body.get("description"),
            input=_sorted(body.get("input")),
            output=_sorted(body.get("output")),
        )
        for name, body in sorted((activities or {}).items())
    }
    return described or None


def _sorted(schema: Any) -> Any:
    """A schema with its keys in order, all the way down."""
    if isinstance(schema, dict):
        return {key: _sorted(schema[key]) for key in sorted(schema)}
    if isinstance(schema, list):
        return [_sorted(item) for item in schema]
    return schema


# --- nodes and edges ------------------------------------------------------------------------------


def _node(name: str, body: Mapping[str, Any], defaults: Defaults) -> Part:
    path = f"nodes.{name}"
    description = body.get("description")
    if "fail" in body:
        fail = body["fail"] or {}
        message = _expression(fail.get("message"), f"{path}.fail.message")
        return _said(description=description, fail=_said(kind=fail.get("kind"), message=message))
    asked = read_options(Fields(body, path, Problems()), name, defaults)
    timeouts = {
        "start_to_close": asked.start_to_close_timeout,
        "schedule_to_start": asked.schedule_to_start_timeout,
        "schedule_to_close": asked.schedule_to_close_timeout,
        "heartbeat": asked.heartbeat_timeout,
    }
    node = _said(
        description=description,
        activity=asked.type if asked.type != name else None,
        input=_expression(body.get("input"), f"{path}.input"),
        memory=list(asked.memory_keys) or None,
        **_options(asked.queue, asked.retry, timeouts, asked.priority, defaults),
        run_if=_expression(body.get("run_if"), f"{path}.run_if"),
        on_failure="continue" if body.get("on_failure") == "continue" else None,
    )
    if body.get("default_output") is not None:
        node["default_output"] = body["default_output"]
    return node


def _edges(document: Mapping[str, Any]) -> Iterator[Part]:
    """In the order in which `parse` numbers them."""
    for place, body in enumerate(document.get("edges") or []):
        yield _edge(body, f"edges[{place}]")
    for name, node in document["nodes"].items():
        sources = (node or {}).get("depends_on") or []
        for source in [sources] if isinstance(sources, str) else sources:
            yield {"from": source, "to": name}


def _edge(body: Mapping[str, Any], path: str) -> Part:
    ends = {"from": body["from"], "to": body["to"]}
    guard = _said(
        on="error" if body.get("on") == "error" else None,
        kinds=body.get("kinds") or None,
        when=_expression(body.get("when"), f"{path}.when"),
    )
    otherwise = {"else": True} if body.get("else") else {}
    mapping = _said(
        map=_expression(body.get("map"), f"{path}.map"), description=body.get("description")
    )
    return ends | guard | otherwise | mapping


# --- expressions ----------------------------------------------------------------------------------


class _AnyName(Collection[str]):
    """Every name is known: that they are has been checked."""

    def __contains__(self, name: object) -> bool:
        return True

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def _expression(value: Any, path: str) -> Any:
    """CEL text. A mapping that is too large for one text stays an object, its leaves in order."""
    if value is None:
        return None
    if isinstance(value, str):
        return canonical_source(value, SOURCE_LIMIT)
    try:
        text = canonical_source(mapping_source(value, path), SOURCE_LIMIT)
        compile_expression(text, _AnyName(), path)
    except ExpressionInvalid:
        return _leaves(value)
    return text


def _leaves(value: Any) -> Any:
    match value:
        case str():
            return canonical_source(value, SOURCE_LIMIT)
        case dict():
            return {key: _leaves(part) for key, part in value.items()}
        case list():
            return [_leaves(part) for part in value]
        case _:
            return value
