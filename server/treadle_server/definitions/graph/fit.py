"""Whether mappings fit the activities' schemas, as far as that can be proved before a run.

Placeholder of the first hour; see below.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from treadle_server.definitions.document import Problems
from treadle_server.definitions.graph.model import EdgePlan, NodePlan


def check_fit(
    document: Any, nodes: Sequence[NodePlan], edges: Sequence[EdgePlan], problems: Problems
) -> None:
    return None
