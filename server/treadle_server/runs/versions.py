"""What a workflow's versions are for: which one is current, and the state of each."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from treadle_server.definitions.versions import VersionState
from treadle_server.journal.port import Row, Table


@dataclass(slots=True)
class WorkflowVersions:
    """Of one workflow. `current` 0: there is none; versions that are not in `states` are active."""

    current: int = 0
    states: dict[int, VersionState] = field(default_factory=dict)
    stored: bool = False
    """It has a row: versions of graphs need none until somebody says something of them."""

    def state(self, version: int) -> VersionState:
        """What a version is for."""
        return self.states.get(version, VersionState.ACTIVE)

    def row(self, namespace: str, workflow: str) -> Row:
        """As it is stored."""
        value = {
            "current": self.current,
            "states": {str(n): int(s) for n, s in self.states.items()},
        }
        return Row(Table.WORKFLOW, (namespace, workflow), json.dumps(value).encode())


def read_versions(row: Row) -> WorkflowVersions:
    """From its row."""
    value = json.loads(row.value)
    states = {int(n): VersionState(s) for n, s in value.get("states", {}).items()}
    return WorkflowVersions(int(value["current"]), states, stored=True)
