"""Compiled versions of any kind, and how a document becomes one. Today there are graphs."""

from __future__ import annotations

from typing import Any

from treadle_server.definitions.document import kind_of
from treadle_server.definitions.errors import DefinitionInvalid, Violation
from treadle_server.definitions.graph.decider import GraphDecider
from treadle_server.definitions.graph.hints import Hint, hints
from treadle_server.definitions.graph.model import GraphDefinition
from treadle_server.definitions.graph.parse import parse_graph
from treadle_server.definitions.parameters import complete_input
from treadle_server.engine.graph import GraphProgress
from treadle_server.engine.state import RunState
from treadle_server.engine.topology import RULES
from treadle_server.engine.values import Payload

KINDS = ("graph",)


class Compiled:
    """One version, ready to run: the decider of all its runs, and how a run of it begins."""

    kind = "graph"
    rules = RULES

    def __init__(self, definition: GraphDefinition) -> None:
        self.definition = definition
        self.decider = GraphDecider(definition)

    def hints(self) -> list[Hint]:
        """What could be better: advice."""
        return hints(self.definition)

    @property
    def weight(self) -> int:
        """About how many things it holds in memory."""
        return len(self.definition.nodes) + len(self.definition.edges)

    def new_state(self, run_id: bytes) -> RunState:
        """The state of a run before its first event."""
        return RunState(run_id, GraphProgress(self.definition.topology))

    def complete_input(self, payload: Payload) -> Payload:
        """The input with defaults filled in; raises `InputInvalid`."""
        return complete_input(self.definition.parameters, payload)


def compile_document(document: Any) -> Compiled:
    """Checks and compiles a document of any kind; raises `DefinitionInvalid`."""
    if not isinstance(document, dict):
        raise DefinitionInvalid([Violation("$", f"must be an object, is {kind_of(document)}")])
    kind = document.get("kind")
    if kind not in KINDS:
        raise DefinitionInvalid(
            [Violation("kind", f"must be one of {', '.join(KINDS)}; is {kind!r}")]
        )
    return Compiled(parse_graph(document))
