"""Maps: one task per item of a list, or per batch of items."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from treadle_server.definitions.expression import ExpressionFailed
from treadle_server.definitions.graph.bindings import ValueConflict, bind, read_json, write_json
from treadle_server.definitions.graph.model import GraphDefinition, MapSpec, NodePlan
from treadle_server.engine.commands import Command, EndMap, ScheduleActivity, StartMap, Stop
from treadle_server.engine.maps import MapProgress
from treadle_server.engine.state import RunState
from treadle_server.engine.values import Failure, FailureKind, Payload

MAX_ITEMS = 100_000
_TASKS_AT_ONCE = 200
"""So many items are started by one decision: other runs wait while it is made."""

_list_decoder = msgspec.json.Decoder(list[msgspec.Raw])


def start_map(key: str, spec: MapSpec, value: Payload) -> StartMap:
    """The map over the items of a list. Raises `ValueConflict` if it is none."""
    if value.metadata.get("encoding", b"json/plain") != b"json/plain":
        raise ValueConflict(f"{key!r} maps over a list, and what it got is not JSON")
    try:
        items = [bytes(item) for item in _list_decoder.decode(value.data)]
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise ValueConflict(
            f"{key!r} maps over a list, and what it got is none; give `map.over` an expression "
            "that makes one"
        ) from None
    if len(items) > MAX_ITEMS:
        raise ValueConflict(
            f"{key!r} got {len(items)} items; at most {MAX_ITEMS} are possible. Make batches, or "
            "let children map over parts"
        )
    if spec.batch > 1:
        items = [
            b"[" + b",".join(items[n : n + spec.batch]) + b"]"
            for n in range(0, len(items), spec.batch)
        ]
    return StartMap(key, tuple(items))


def go_on_with_map(state: RunState, number: int, definition: GraphDefinition) -> list[Command]:
    """Starts items where there is room; stops all when too many have failed; ends the map when
    nothing is left.
    """
    progress = state.graph
    running = progress.maps.get(number)
    if running is None:
        return []
    key = progress.key_of(number)
    over = progress.map_is_over(number)
    if running.finished or (over and not running.open):
        return [_end(key, running, over=over)]
    if over:
        return _stop_items(key, running)
    room = progress.topology.windows[number] - len(running.open)
    last = min(running.next + min(room, _TASKS_AT_ONCE), len(running.items))
    node = definition.nodes[number]
    try:
        return list(_tasks(state, node, key, running, last, definition))
    except ExpressionFailed as error:
        failure = Failure(
            kind=FailureKind.EXPRESSION_FAILED, message=error.message, non_retryable=True
        )
        return [*_stop_items(key, running), _end(key, running, over=True, failure=failure)]


def _stop_items(key: str, running: MapProgress) -> list[Command]:
    return [Stop(f"{key}[{item}]") for item in sorted(running.open)]


def _tasks(
    state: RunState,
    node: NodePlan,
    key: str,
    running: MapProgress,
    last: int,
    definition: GraphDefinition,
) -> Iterator[Command]:
    assert node.options is not None, "a map has an activity"
    bindings = None if node.input is None else bind(state, node.input, definition)
    for item in range(running.next, last):
        given = Payload(running.items[item])
        if node.input is not None and bindings is not None:
            if "item" in node.input.names:
                bindings["item"] = read_json(given, "the item")
            given = write_json(node.input.evaluate(bindings))
        yield ScheduleActivity(f"{key}[{item}]", node.options, given)


def _end(key: str, running: MapProgress, *, over: bool, failure: Failure | None = None) -> EndMap:
    if over and failure is None:
        first = running.first_failure
        failure = Failure(
            kind=FailureKind.MAP_FAILED,
            message=f"{running.failed} of {len(running.items)} items failed, which is more than "
            f"may; the first: {first.message if first else ''}",
            cause=first,
        )
    return EndMap(key, running.completed, running.failed, running.started_time, failure)
