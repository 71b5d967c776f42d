"""What the server decides for code: when to ask a worker that has it, and which external event a
wait was for.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from treadle_server.definitions.code.model import CodeDefinition
from treadle_server.definitions.expression import (
    Expression,
    ExpressionFailed,
    ExpressionInvalid,
    compile_guard,
)
from treadle_server.definitions.graph.bindings import read_json
from treadle_server.engine.code import DECISION, command_key
from treadle_server.engine.commands import Command, HoldRun, SatisfyWait, ScheduleActivity
from treadle_server.engine.decider import Decider
from treadle_server.engine.decisions import decision_options
from treadle_server.engine.facts import Fact, FactKind
from treadle_server.engine.state import RunState
from treadle_server.engine.values import NULL

_FILTERS_KEPT = 1_000


class CodeDecider(Decider):
    """Decides for the runs of one version."""

    def __init__(self, definition: CodeDefinition) -> None:
        self._definition = definition
        self._filters: OrderedDict[str, Expression | None] = OrderedDict()

    def decide(self, state: RunState, facts: Sequence[Fact]) -> list[Command]:
        """See `engine.decider.Decider`."""
        commands: list[Command] = []
        consumed: set[str] = set()
        for kind, number in facts:
            if kind is FactKind.WAIT:
                commands += self._match_wait(state, command_key(number), consumed)
            else:
                options = decision_options(state.workflow, state.version, self._definition.queue)
                commands.append(ScheduleActivity(DECISION, options, NULL))
                if state.seq >= state.code.events_limit:
                    commands.append(HoldRun(DECISION, _too_long(state.seq)))
        return commands

    def _match_wait(self, state: RunState, key: str, consumed: set[str]) -> list[Command]:
        """The oldest event that the wait accepts. `consumed` are those that another wait gets in
        this decision.
        """
        wait = state.waits.get(key)
        if wait is None:
            return []
        for received in state.received:
            if received.name != wait.name or received.event_id in consumed:
                continue
            if wait.filter:
                expression = self._filter(wait.filter)
                try:
                    bindings = {"event": read_json(received.payload, "the event")}
                    if expression is None or not expression.evaluate_guard(bindings):
                        continue
                except ExpressionFailed:
                    continue  # an event that the filter cannot read is not the one
            consumed.add(received.event_id)
            return [SatisfyWait(key, received.event_id)]
        return []

    def _filter(self, source: str) -> Expression | None:
        """A filter, compiled once; None if it is none, which the report's check has refused."""
        if source in self._filters:
            self._filters.move_to_end(source)
            return self._filters[source]
        compiled: Expression | None
        try:
            compiled = compile_filter(source)
        except ExpressionInvalid:
            compiled = None
        self._filters[source] = compiled
        if len(self._filters) > _FILTERS_KEPT:
            self._filters.popitem(last=False)
        return compiled


def _too_long(events: int) -> str:
    return (
        f"the run's history has {events:,} events: each worker that takes it up must replay them "
        "all. Code that goes on for ever should continue as new (`workflow.continue_as_new`). "
        "Answer: retry, and it may grow on by 10,000, or fail."
    )


def compile_filter(source: str) -> Expression:
    """A wait's filter: a guard over `event`. Raises `ExpressionInvalid`."""
    return compile_guard(source, {"event"}, "filter")
