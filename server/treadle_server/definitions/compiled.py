"""Compiled versions of any kind, and how a document becomes one."""

from __future__ import annotations

from typing import Any, Protocol

from treadle_server.definitions.code.decider import CodeDecider
from treadle_server.definitions.code.model import CodeDefinition
from treadle_server.definitions.code.parse import parse_code
from treadle_server.definitions.document import kind_of
from treadle_server.definitions.errors import DefinitionInvalid, Violation
from treadle_server.definitions.graph.decider import GraphDecider
from treadle_server.definitions.graph.hints import Hint, hints
from treadle_server.definitions.graph.model import GraphDefinition
from treadle_server.definitions.graph.parse import parse_graph
from treadle_server.definitions.group.decider import GROUP, GroupDecider, GroupDefinition
from treadle_server.definitions.group.request import check_request
from treadle_server.definitions.machine import hints as machine_hints
from treadle_server.definitions.machine.decider import MachineDecider
from treadle_server.definitions.machine.model import MachineDefinition
from treadle_server.definitions.machine.parse import parse_machine
from treadle_server.definitions.parameters import complete_input
from treadle_server.definitions.versions import VersionState
from treadle_server.engine.code import CodeProgress
from treadle_server.engine.decider import Decider
from treadle_server.engine.graph import GraphProgress
from treadle_server.engine.group import GroupProgress
from treadle_server.engine.machine import MachineProgress
from treadle_server.engine.state import RunState
from treadle_server.engine.topology import RULES
from treadle_server.engine.values import Payload

KINDS = ("graph", "machine", "code")

CODE_RULES = 1
"""The numbered rules of code."""

MACHINE_RULES = 1
"""The numbered rules of state machines."""

GROUP_RULES = 1
"""The numbered rules of run groups."""


class Compiled(Protocol):
    """One version, ready to run: the decider of all its runs, and how a run of it begins."""

    kind: str
    rules: int
    node_count: int
    number: int
    """The version's number if the definition says it, as code does; else 0."""
    state: VersionState | None
    """What the code says that the version is for."""
    weight: int
    """About how many things it holds in memory."""

    @property
    def definition(
        self,
    ) -> GraphDefinition | MachineDefinition | CodeDefinition | GroupDefinition:
        """What was deployed."""
        ...

    @property
    def decider(self) -> Decider:
        """Decides for all runs of the version."""
        ...

    def hints(self) -> list[Hint]:
        """What could be better: advice."""
        ...

    def new_state(self, run_id: bytes) -> RunState:
        """The state of a run before its first event."""
        ...

    def complete_input(self, payload: Payload) -> Payload:
        """The input with defaults filled in; raises `InputInvalid`."""
        ...


class CompiledGraph:
    """A version of a graph."""

    kind = "graph"
    rules = RULES
    number = 0
    state: VersionState | None = None

    def __init__(self, definition: GraphDefinition) -> None:
        self.definition = definition
        self.decider = GraphDecider(definition)
        self.node_count = len(definition.nodes)
        self.weight = len(definition.nodes) + len(definition.edges)

    def hints(self) -> list[Hint]:
        """See `Compiled`."""
        return hints(self.definition)

    def new_state(self, run_id: bytes) -> RunState:
        """See `Compiled`."""
        return RunState(run_id, GraphProgress(self.definition.topology))

    def complete_input(self, payload: Payload) -> Payload:
        """See `Compiled`."""
        return complete_input(self.definition.parameters, payload)


class CompiledMachine:
    """A version of a state machine."""

    kind = "machine"
    rules = MACHINE_RULES
    number = 0
    state: VersionState | None = None

    def __init__(self, definition: MachineDefinition) -> None:
        self.definition = definition
        self.decider = MachineDecider(definition)
        self.node_count = len(definition.states) - 1
        self.weight = len(definition.states) + len(definition.labels)

    def hints(self) -> list[Hint]:
        """See `Compiled`."""
        return machine_hints.hints(self.definition)

    def new_state(self, run_id: bytes) -> RunState:
        """See `Compiled`."""
        return RunState(run_id, MachineProgress())

    def complete_input(self, payload: Payload) -> Payload:
        """See `Compiled`."""
        return complete_input(self.definition.parameters, payload)


class CompiledGroup:
    """What all run groups are of."""

    kind = "group"
    rules = GROUP_RULES
    node_count = 0
    weight = 1
    number = 0
    state: VersionState | None = None

    def __init__(self) -> None:
        self.definition = GroupDefinition()
        self.decider = GroupDecider()

    def hints(self) -> list[Hint]:
        """See `Compiled`."""
        return []

    def new_state(self, run_id: bytes) -> RunState:
        """See `Compiled`."""
        return RunState(run_id, GroupProgress())

    def complete_input(self, payload: Payload) -> Payload:
        """See `Compiled`."""
        check_request(payload)
        return payload


class CompiledCode:
    """A version of a workflow that is code. Its input is checked where its types are known: by the
    worker.
    """

    kind = "code"
    rules = CODE_RULES
    node_count = 0
    weight = 1

    def __init__(self, definition: CodeDefinition) -> None:
        self.definition = definition
        self.decider = CodeDecider(definition)
        self.number = definition.version
        self.state = definition.state

    def hints(self) -> list[Hint]:
        """See `Compiled`."""
        return []

    def new_state(self, run_id: bytes) -> RunState:
        """See `Compiled`."""
        return RunState(run_id, CodeProgress())

    def complete_input(self, payload: Payload) -> Payload:
        """See `Compiled`."""
        return payload


_OWN = "treadle."
_BUILT_IN: dict[str, Compiled] = {GROUP: CompiledGroup()}


def built_in(workflow: str) -> Compiled | None:
    """A workflow that is there without being deployed, and its only version."""
    return _BUILT_IN.get(workflow)


def compile_document(document: Any, *, stored: bool = False) -> Compiled:
    """Checks and compiles a document of any kind; raises `DefinitionInvalid`. One that is `stored`
    is read for its runs: see `Problems.add_if_new`.
    """
    if not isinstance(document, dict):
        raise DefinitionInvalid([Violation("$", f"must be an object, is {kind_of(document)}")])
    if str(document.get("name", "")).startswith(_OWN) and not stored:
        raise DefinitionInvalid([Violation("name", f"what begins with `{_OWN}` is Treadle's own")])
    kind = document.get("kind")
    if kind == "graph":
        return CompiledGraph(parse_graph(document, stored=stored))
    if kind == "machine":
        return CompiledMachine(parse_machine(document, stored=stored))
    if kind == "code":
        return CompiledCode(parse_code(document))
    raise DefinitionInvalid([Violation("kind", f"must be one of {', '.join(KINDS)}; is {kind!r}")])
