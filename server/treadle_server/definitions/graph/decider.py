"""The graph's decider: which guards are true, what a node's input is, when the run has arrived.

Pure: reads the state, gives commands. It is handed the nodes that need a decision and looks at
nothing else, so that its cost is that of those nodes and their edges.
"""

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
    write_json,
)
from treadle_server.definitions.graph.model import EdgePlan, FailSpec, GraphDefinition, NodePlan
from treadle_server.engine.commands import (
    Command,
    CompleteRun,
    DecideEdges,
    FailNode,
    FailRun,
    MarkUnreached,
    ScheduleActivity,
    SkipNode,
)
from treadle_server.engine.graph import NodeState
from treadle_server.engine.state import RunState
from treadle_server.engine.values import NULL, Failure, FailureKind, Payload, SkipReason


class GraphDecider:
    """Decides for the runs of one version."""

    def __init__(self, definition: GraphDefinition) -> None:
        self._definition = definition

    def decide(self, state: RunState, facts: Sequence[int]) -> list[Command]:
        """See `engine.decider.Decider`."""
        if not facts:
            return [self._end(state)]
        commands: list[Command] = []
        unreached: list[str] = []
        progress = state.progress
        failed_targets: set[int] = set()
        for number in facts:
            node = self._definition.nodes[number]
            if progress.awaits_decision(number):
                commands += self._decide_edges(state, number, failed_targets)
            elif number in failed_targets:
                continue
            elif progress.topology.in_counts[number] and number not in progress.taken:
                unreached.append(node.name)
            else:
                commands.append(self._fire(state, number, node))
        if unreached:
            commands.append(MarkUnreached(tuple(unreached)))
        return commands

    # --- edges ------------------------------------------------------------------------------------

    def _decide_edges(
        self, state: RunState, number: int, failed_targets: set[int]
    ) -> list[Command]:
        """Of a node that is done, every true edge; of one that failed, the first error edge that
        matches, and if none does and the run goes on all the same, every true edge, too.
        """
        progress, definition = state.progress, self._definition
        topology = progress.topology
        commands: list[Command] = []
        named: tuple[int, ...] = ()
        taken: set[int] = set()
        has_failed = progress.state(number) is NodeState.FAILED
        if has_failed and topology.error_edges[number]:
            named = topology.error_edges[number]
            taken |= self._true_edges(state, named, failed_targets, commands, only_first=True)
        if not has_failed or (topology.continue_on_failure[number] and not taken):
            taken |= self._true_edges(
                state, topology.out_edges[number], failed_targets, commands, only_first=False
            )
        if not has_failed or topology.continue_on_failure[number]:
            named += topology.out_edges[number]
        decided = tuple(
            (edge, definition.nodes[definition.edges[edge].target].name, edge in taken)
            for edge in named
        )
        return [*commands, DecideEdges(definition.nodes[number].name, decided)]

    def _true_edges(
        self,
        state: RunState,
        edges: Sequence[int],
        failed_targets: set[int],
        commands: list[Command],
        *,
        only_first: bool,
    ) -> set[int]:
        """The edges that are taken: plain ones, those whose guard is true, `else` if no guard is.

        A guard that cannot be evaluated is its target's failure, and nobody knows what `else`
        should have been.
        """
        definition = self._definition
        taken: set[int] = set()
        guard_held = False
        for edge_number in edges:
            edge = definition.edges[edge_number]
            if edge.otherwise:
                continue
            try:
                matches = self._matches(state, edge)
            except ExpressionFailed as error:
                guard_held = True
                self._fail_target(state, edge.target, error, failed_targets, commands)
                continue
            if matches:
                taken.add(edge_number)
                guard_held = guard_held or edge.guarded
                if only_first:
                    return taken
        if not guard_held:
            otherwise = [edge for edge in edges if definition.edges[edge].otherwise]
            taken.update(otherwise[:1] if only_first else otherwise)
        return taken

    def _fail_target(
        self,
        state: RunState,
        target: int,
        error: ExpressionFailed,
        failed_targets: set[int],
        commands: list[Command],
    ) -> None:
        """Once: a node that has failed by one guard does not fail again by the next."""
        if state.progress.state(target) is NodeState.PENDING and target not in failed_targets:
            failed_targets.add(target)
            commands.append(FailNode(self._definition.nodes[target].name, _failure(error)))

    def _matches(self, state: RunState, edge: EdgePlan) -> bool:
        if edge.kinds and state.progress.failures[edge.source].kind not in edge.kinds:
            return False
        return edge.when is None or edge.when.evaluate_guard(
            self._edge_bindings(state, edge, edge.when)
        )

    def _edge_bindings(
        self, state: RunState, edge: EdgePlan, expression: Expression
    ) -> dict[str, Any]:
        return bind(state, expression, self._definition, source=edge.source, on_error=edge.on_error)

    # --- nodes ------------------------------------------------------------------------------------

    def _fire(self, state: RunState, number: int, node: NodePlan) -> Command:
        try:
            if node.fail is not None:
                return FailNode(node.name, self._planned_failure(state, number, node.fail))
            if node.run_if is not None and not node.run_if.evaluate_guard(
                bind(state, node.run_if, self._definition)
            ):
                return SkipNode(node.name, SkipReason.RUN_IF, node.default_output)
            assert node.options is not None, "a node that does not fail has an activity"
            return ScheduleActivity(node.name, node.options, self._input(state, number, node))
        except ExpressionFailed as error:
            return FailNode(node.name, _failure(error))
        except ValueConflict as conflict:
            return FailNode(
                node.name, Failure(kind=FailureKind.NODE_INPUT_CONFLICT, message=str(conflict))
            )

    def _input(self, state: RunState, number: int, node: NodePlan) -> Payload:
        if node.input is not None:
            return write_json(node.input.evaluate(bind(state, node.input, self._definition)))
        # By their place in the document: the same values make the same input, whoever was first.
        taken = sorted(state.progress.taken.get(number, ()))
        if not taken and not node.from_start:
            return state.input
        values: list[tuple[str, Payload, bool]] = []
        if node.from_start:
            values.append(("start", self._start_value(state, node), node.start_map is not None))
        for edge_number in taken:
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
            return write_json(edge.map.evaluate(self._edge_bindings(state, edge, edge.map)))
        if edge.on_error:
            name = self._definition.nodes[edge.source].name
            return write_json(failure_value(state.progress.failures[edge.source], name))
        return state.progress.outputs.get(edge.source, NULL)

    def _planned_failure(self, state: RunState, number: int, spec: FailSpec) -> Failure:
        """What a `fail` node ends the run with: its own words, with the failure that led there as
        cause; without words, that failure.
        """
        behind = state.progress.failure_behind(number)
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

    # --- the end ----------------------------------------------------------------------------------

    def _end(self, state: RunState) -> Command:
        definition = self._definition
        if definition.output is not None:
            try:
                return CompleteRun(
                    write_json(
                        definition.output.evaluate(bind(state, definition.output, definition))
                    )
                )
            except ExpressionFailed as error:
                return FailRun(_failure(error))
        outputs = state.progress.outputs
        if len(definition.end_nodes) == 1:
            return CompleteRun(outputs.get(definition.end_nodes[0], NULL))
        ran = (number for number in definition.end_nodes if number in outputs)
        try:
            return CompleteRun(
                join_values([(definition.nodes[n].name, outputs[n], False) for n in ran], "the run")
            )
        except ValueConflict as conflict:
            return FailRun(Failure(kind=FailureKind.NODE_INPUT_CONFLICT, message=str(conflict)))


def _failure(error: ExpressionFailed) -> Failure:
    return Failure(kind=FailureKind.EXPRESSION_FAILED, message=error.message, non_retryable=True)
