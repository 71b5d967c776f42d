"""How a node starts: with what input, and by which commands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from treadle_server.definitions.expression import Expression, ExpressionFailed
from treadle_server.definitions.graph.bindings import (
    ValueConflict,
    bind,
    failure_value,
    join_values,
    read_json,
    read_time,
    write_json,
)
from treadle_server.definitions.graph.mapping import start_map
from treadle_server.definitions.graph.model import (
    ChildSpec,
    EdgePlan,
    FailSpec,
    GraphDefinition,
    NodePlan,
    SendSpec,
    Start,
)
from treadle_server.engine.commands import (
    Command,
    CompleteNode,
    FailNode,
    ScheduleActivity,
    SendEvent,
    SkipNode,
    StartChild,
    StartTimer,
    StartWait,
)
from treadle_server.engine.state import RunState
from treadle_server.engine.values import (
    NULL,
    Duration,
    Failure,
    FailureKind,
    Instant,
    Payload,
    SkipReason,
)

_WORKFLOW_ID_BYTES = 1_000


class Starter:
    """Starts the nodes of the runs of one version."""

    def __init__(self, definition: GraphDefinition) -> None:
        self._definition = definition

    def start(
        self, state: RunState, number: int, key: str, taken: Sequence[int], *, delay: Duration = 0
    ) -> list[Command]:
        """The commands that start a node whose turn has come by the `taken` edges. What fails on
        the way is the node's own failure.
        """
        node = self._definition.nodes[number]
        seeded = state.seed.get(key)
        if seeded is not None:
            if seeded.skipped:
                return [SkipNode(key, SkipReason.BY_HAND, seeded.output)]
            return [CompleteNode(key, seeded.output, seeded=True)]
        try:
            if node.fail is not None:
                return [FailNode(key, self._planned_failure(state, number, node.fail))]
            if node.run_if is not None and not node.run_if.evaluate_guard(
                bind(state, node.run_if, self._definition)
            ):
                return [SkipNode(key, SkipReason.RUN_IF, node.default_output)]
            return [self._command(state, node, key, taken, delay)]
        except ExpressionFailed as error:
            return [FailNode(key, expression_failure(error))]
        except ValueConflict as conflict:
            failure = Failure(kind=FailureKind.NODE_INPUT_CONFLICT, message=str(conflict))
            return [FailNode(key, failure)]

    def _command(
        self, state: RunState, node: NodePlan, key: str, taken: Sequence[int], delay: Duration
    ) -> Command:
        if node.compute is not None:
            return CompleteNode(key, write_json(self._value(state, node.compute)))
        if node.wait is not None:
            return StartWait(key, node.wait.event, node.wait.timeout)
        if node.map is not None:
            return self._start_map(state, node, key, taken)
        given = self._input(state, node, taken)
        if node.timer is not None:
            return StartTimer(key, given, node.timer.delay, self._not_before(state, node.timer))
        if node.send is not None:
            return self._send(state, node.send, key, given)
        if node.child is not None:
            return self._child(state, node.child, key, given)
        assert node.options is not None, "a node of no other kind has an activity"
        if node.start is None:
            return ScheduleActivity(key, node.options, given, delay)
        not_before = self._not_before(state, node.start)
        return ScheduleActivity(key, node.options, given, delay + node.start.delay, not_before)

    def _start_map(
        self, state: RunState, node: NodePlan, key: str, taken: Sequence[int]
    ) -> Command:
        assert node.map is not None, "the node is a map"
        if node.map.over is not None:
            value = write_json(self._value(state, node.map.over))
        else:
            value = self._received(state, node, taken)
        return start_map(key, node.map, value)

    def _not_before(self, state: RunState, start: Start) -> Instant | None:
        if start.at is None:
            return None
        return read_time(self._value(state, start.at), start.at.path)

    def _send(self, state: RunState, spec: SendSpec, key: str, given: Payload) -> Command:
        workflow_id = "" if spec.to is None else self._workflow_id(state, spec.to)
        return SendEvent(key, spec.event, given, workflow_id)

    def _child(self, state: RunState, spec: ChildSpec, key: str, given: Payload) -> Command:
        workflow_id = ""
        if spec.workflow_id is not None:
            workflow_id = self._workflow_id(state, spec.workflow_id)
        return StartChild(
            key, spec.workflow, spec.version, workflow_id, given, spec.on_parent_end, spec.awaited
        )

    def _workflow_id(self, state: RunState, expression: Expression) -> str:
        value = self._value(state, expression)
        if isinstance(value, str) and 0 < len(value.encode()) <= _WORKFLOW_ID_BYTES:
            return value
        raise ValueConflict(
            f"{expression.path} must give a workflow id, text of 1 to {_WORKFLOW_ID_BYTES} bytes"
        )

    def _value(self, state: RunState, expression: Expression) -> Any:
        return expression.evaluate(bind(state, expression, self._definition))

    # --- inputs -----------------------------------------------------------------------------------

    def _input(self, state: RunState, node: NodePlan, taken: Sequence[int]) -> Payload:
        if node.input is not None:
            return write_json(self._value(state, node.input))
        return self._received(state, node, taken)

    def _received(self, state: RunState, node: NodePlan, taken: Sequence[int]) -> Payload:
        """What the taken edges bring; the run's input where there are none."""
        if not taken and not node.from_start:
            return state.input
        values: list[tuple[str, Payload, bool]] = []
        back = state.graph.topology.back_edges
        if node.from_start and not any(edge in back for edge in taken):
            values.append(("start", self._start_value(state, node), node.start_map is not None))
        # By their place in the document: the same values make the same input, whoever was first.
        for edge_number in sorted(taken):
            edge = self._definition.edges[edge_number]
            source = self._definition.nodes[edge.source].name
            values.append((source, self._edge_value(state, edge), edge.map is not None))
        if len(values) == 1:
            return values[0][1]
        return join_values(values, node.name)

    def _start_value(self, state: RunState, node: NodePlan) -> Payload:
        if node.start_map is None:
            return state.input
        bindings = bind(state, node.start_map, self._definition)
        if "output" in node.start_map.names:
            bindings["output"] = read_json(state.input, "the run's input")
        return write_json(node.start_map.evaluate(bindings))

    def _edge_value(self, state: RunState, edge: EdgePlan) -> Payload:
        if edge.map is not None:
            return write_json(
                edge.map.evaluate(
                    bind(
                        state,
                        edge.map,
                        self._definition,
                        source=edge.source,
                        on_error=edge.on_error,
                    )
                )
            )
        if edge.on_error:
            name = self._definition.nodes[edge.source].name
            return write_json(failure_value(state.graph.failures[edge.source], name))
        return state.graph.outputs.get(edge.source, NULL)

    def _planned_failure(self, state: RunState, number: int, spec: FailSpec) -> Failure:
        """What a `fail` node ends the run with: its own words, with the failure that led there as
        cause; without words, that failure.
        """
        behind = state.graph.failure_behind(number)
        if behind is not None and not spec.kind and spec.message is None:
            return behind[1]
        message = behind[1].message if behind is not None else ""
        if spec.message is not None:
            bindings = bind(state, spec.message, self._definition)
            if "error" in spec.message.names:
                bindings["error"] = None if behind is None else failure_value(behind[1], behind[0])
            value = spec.message.evaluate(bindings)
            message = value if isinstance(value, str) else write_json(value).data.decode()
        kind = spec.kind or (behind[1].kind if behind is not None else "Failed")
        return Failure(kind=kind, message=message, cause=None if behind is None else behind[1])


def expression_failure(error: ExpressionFailed) -> Failure:
    """What becomes of an expression that could not be evaluated."""
    return Failure(kind=FailureKind.EXPRESSION_FAILED, message=error.message, non_retryable=True)
