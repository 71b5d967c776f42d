"""The graph's decider: which guards are true, what starts, when the run has arrived.

Pure: reads the state, gives commands. It is handed the facts that need a decision and looks at
nothing else, so that its cost is that of these nodes and their edges. What a node starts with is
said in `starting`, how a map goes on in `mapping`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from treadle_server.definitions.expression import Expression, ExpressionFailed
from treadle_server.definitions.graph.bindings import (
    ValueConflict,
    bind,
    join_values,
    read_json,
    write_json,
)
from treadle_server.definitions.graph.mapping import go_on_with_map
from treadle_server.definitions.graph.model import EdgePlan, GraphDefinition
from treadle_server.definitions.graph.starting import Starter, expression_failure
from treadle_server.engine.commands import (
    Command,
    CompleteRun,
    DecideEdges,
    Drop,
    FailNode,
    FailRun,
    MarkUnreached,
    RegisterCompensation,
    SatisfyWait,
    TurnLoop,
)
from treadle_server.engine.decider import Decider
from treadle_server.engine.facts import Fact, FactKind
from treadle_server.engine.state import RunState
from treadle_server.engine.topology import NodeState
from treadle_server.engine.values import NULL, Failure, FailureKind, Payload

_PENDING = NodeState.PENDING


class GraphDecider(Decider):
    """Decides for the runs of one version."""

    def __init__(self, definition: GraphDefinition) -> None:
        self._definition = definition
        self._starter = Starter(definition)
        races: dict[int, list[int]] = {}
        for race, join in definition.topology.joins.items():
            for loser in join.losers:
                races.setdefault(loser, []).append(race)
        self._races = [
            [race for race in races.get(loop.header, ()) if race not in loop.body]
            for loop in definition.topology.loops
        ]
        """Of each loop, the races behind it: when one begins, the loop leads nowhere any more."""

    def decide(self, state: RunState, facts: Sequence[Fact]) -> list[Command]:
        """See `engine.decider.Decider`."""
        if not facts:
            return [self._end(state)]
        commands: list[Command] = []
        unreached: list[str] = []
        dropped: dict[int, None] = {}
        failed_targets: set[int] = set()
        consumed: set[str] = set()
        begun: set[int] = set()
        for kind, number in facts:
            match kind:
                case FactKind.START:
                    if number in failed_targets or number in dropped:
                        continue
                    if state.graph.is_reached(number):
                        begun.add(number)
                        commands += self._start(state, number, dropped)
                    else:
                        unreached.append(state.graph.key_of(number))
                case FactKind.LEAVE:
                    commands += self._leave(state, number, failed_targets)
                case FactKind.TURN:
                    commands += self._turn(state, number, begun)
                case FactKind.MAP:
                    commands += go_on_with_map(state, number, self._definition)
                case FactKind.WAIT:
                    commands += self._match_wait(state, number, consumed)
        if unreached:
            commands.append(MarkUnreached(tuple(dict.fromkeys(unreached))))
        if dropped:
            commands.append(Drop(tuple(state.graph.key_of(loser) for loser in dropped)))
        return commands

    def undo_late(
        self, state: RunState, facts: Sequence[Fact], late: Mapping[str, Payload]
    ) -> list[RegisterCompensation]:
        """See `engine.decider.Decider`."""
        found: list[RegisterCompensation] = []
        for kind, number in facts:
            if kind is FactKind.LEAVE:
                found += self._undo(state, number)
        return found

    def _undo(self, state: RunState, number: int) -> list[RegisterCompensation]:
        """How a node that is left is undone, if it is done and can be."""
        progress = state.graph
        if self._definition.nodes[number].compensation is None:
            return []
        if progress.state(number) is not NodeState.COMPLETED:
            return []
        return self._register_compensation(state, number, progress.key_of(number))

    def _start(self, state: RunState, number: int, dropped: dict[int, None]) -> list[Command]:
        progress = state.graph
        taken = progress.taken_into(number)
        join = progress.topology.joins.get(number)
        if join is not None:
            # A race is decided: who leads only here is not needed any more.
            dropped |= dict.fromkeys(join.losers)
        return self._starter.start(state, number, progress.key_of(number), taken)

    # --- edges ------------------------------------------------------------------------------------

    def _leave(self, state: RunState, number: int, failed_targets: set[int]) -> list[Command]:
        """Of a node that is done, every true edge; of one that failed, the first error edge that
        matches, and if none does and the run goes on all the same, every true edge, too.
        """
        progress, definition = state.graph, self._definition
        node, topology = definition.nodes[number], progress.topology
        key = progress.key_of(number)
        commands: list[Command] = [*self._undo(state, number)]
        named: tuple[int, ...] = ()
        taken: set[int] = set()
        has_failed = progress.state(number) is NodeState.FAILED
        if has_failed and topology.error_edges[number]:
            named = topology.error_edges[number]
            taken |= self._true_edges(state, named, failed_targets, commands, only_first=True)
        if not has_failed or (topology.continue_on_failure[number] and not taken):
            taken |= self._true_edges(
                state,
                topology.out_edges[number],
                failed_targets,
                commands,
                only_first=node.first_only,
            )
        if not has_failed or topology.continue_on_failure[number]:
            named += topology.out_edges[number]
        decided = tuple(
            (edge, definition.nodes[definition.edges[edge].target].name, edge in taken)
            for edge in named
        )
        return [*commands, DecideEdges(key, decided)]

    def _register_compensation(
        self, state: RunState, number: int, key: str
    ) -> list[RegisterCompensation]:
        spec = self._definition.nodes[number].compensation
        assert spec is not None, "the node can be undone"
        given = state.graph.outputs.get(number, NULL)
        if spec.input is not None:
            try:
                bindings = bind(state, spec.input, self._definition, source=number)
                given = write_json(spec.input.evaluate(bindings))
            except ExpressionFailed as error:
                # The node is done and must be undone if it comes to that: a person will see what
                # its input should have been.
                given = write_json({"error": error.message})
        return [RegisterCompensation(key, spec.options, given)]

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
        if state.graph.state(target) is NodeState.PENDING and target not in failed_targets:
            failed_targets.add(target)
            commands.append(FailNode(state.graph.key_of(target), expression_failure(error)))

    def _matches(self, state: RunState, edge: EdgePlan) -> bool:
        if edge.kinds and state.graph.failures[edge.source].kind not in edge.kinds:
            return False
        return edge.when is None or edge.when.evaluate_guard(
            self._edge_bindings(state, edge, edge.when)
        )

    def _edge_bindings(
        self, state: RunState, edge: EdgePlan, expression: Expression
    ) -> dict[str, Any]:
        return bind(state, expression, self._definition, source=edge.source, on_error=edge.on_error)

    # --- loops ------------------------------------------------------------------------------------

    def _turn(self, state: RunState, number: int, begun: set[int]) -> list[Command]:
        """The next iteration, or the failure that there may be none; neither if the loop has lost a
        race, perhaps one that has `begun` in this decision. The header's input is made of what this
        iteration gave, before that is forgotten.
        """
        progress = state.graph
        assert progress.loops is not None, "a loop turns"
        loop = progress.topology.loops[number]
        if any(race in begun or progress.state(race) != _PENDING for race in self._races[number]):
            return [MarkUnreached((progress.key_of(loop.header, later=1),))]
        edges = progress.loops.back_edges(number)
        iteration = progress.loops.iteration(number)
        header = self._definition.nodes[loop.header]
        if iteration >= loop.bound:
            failure = Failure(
                kind=FailureKind.LOOP_BOUND_REACHED,
                message=f"the loop that begins with {header.name!r} has run {iteration} times, "
                "which is its bound (`max_iterations` of the edge that leads back)",
                non_retryable=True,
            )
            source = self._definition.edges[edges[0]].source
            return [FailNode(progress.key_of(source), failure)]
        delay = max(self._definition.edges[edge].delay for edge in edges)
        later = progress.key_of(loop.header, later=1)
        start = self._starter.start(state, loop.header, later, edges, delay=delay)
        return [TurnLoop(header.name, iteration + 1), *start]

    # --- external events --------------------------------------------------------------------------

    def _match_wait(self, state: RunState, number: int, consumed: set[str]) -> list[Command]:
        """The oldest event that the wait accepts. `consumed` are those that another wait gets in
        this decision.
        """
        key = state.graph.key_of(number)
        wait = state.waits.get(key)
        spec = self._definition.nodes[number].wait
        if wait is None or spec is None:
            return []
        earliest = 0 if spec.look_back is None else wait.started_time - spec.look_back
        for received in state.received:
            if received.name != wait.name or received.event_id in consumed:
                continue
            if received.time < earliest:
                continue
            if spec.filter is not None:
                bindings = bind(state, spec.filter, self._definition)
                try:
                    if "event" in spec.filter.names:
                        bindings["event"] = read_json(received.payload, "the event")
                    if not spec.filter.evaluate_guard(bindings):
                        continue
                except ExpressionFailed:
                    continue  # an event that the filter cannot read is not the one
            consumed.add(received.event_id)
            return [SatisfyWait(key, received.event_id)]
        return []

    # --- the end ----------------------------------------------------------------------------------

    def _end(self, state: RunState) -> Command:
        definition = self._definition
        if definition.output is not None:
            try:
                bindings = bind(state, definition.output, definition)
                return CompleteRun(write_json(definition.output.evaluate(bindings)))
            except ExpressionFailed as error:
                return FailRun(expression_failure(error))
        outputs = state.graph.outputs
        if len(definition.end_nodes) == 1:
            return CompleteRun(outputs.get(definition.end_nodes[0], NULL))
        ran = (number for number in definition.end_nodes if number in outputs)
        try:
            return CompleteRun(
                join_values([(definition.nodes[n].name, outputs[n], False) for n in ran], "the run")
            )
        except ValueConflict as conflict:
            return FailRun(Failure(kind=FailureKind.NODE_INPUT_CONFLICT, message=str(conflict)))
