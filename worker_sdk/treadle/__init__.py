"""Treadle for Python: workflows, activities, workers and the client.

The public names are loaded when they are first used: whoever imports only `treadle.v1` or
`treadle.errors` (the server does) pays for nothing else. No public name may be that of a module: an
import of the module would put it in the name's place.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from treadle.activities import activity as activity
    from treadle.client import BlockingClient as BlockingClient
    from treadle.client import Client as Client
    from treadle.client import Start as Start
    from treadle.client import StartEvent as StartEvent
    from treadle.context import Context as Context
    from treadle.context import current_context as current_context
    from treadle.errors import ApplicationError as ApplicationError
    from treadle.errors import TreadleError as TreadleError
    from treadle.graph import Graph as Graph
    from treadle.machine import Machine as Machine
    from treadle.worker import Worker as Worker
    from treadle.workflows import Workflow as Workflow
    from treadle.workflows import step as step
    from treadle.workflows import workflow as workflow

_MODULES = {
    "ApplicationError": "treadle.errors",
    "BlockingClient": "treadle.client",
    "Client": "treadle.client",
    "Context": "treadle.context",
    "Graph": "treadle.graph",
    "Machine": "treadle.machine",
    "Start": "treadle.client",
    "StartEvent": "treadle.client",
    "TreadleError": "treadle.errors",
    "Worker": "treadle.worker",
    "Workflow": "treadle.workflows",
    "activity": "treadle.activities",
    "current_context": "treadle.context",
    "step": "treadle.workflows",
    "workflow": "treadle.workflows",
}

__all__ = sorted(_MODULES)


def __getattr__(name: str) -> object:
    module = _MODULES.get(name)
    if module is None:
        raise AttributeError(f"module 'treadle' has no attribute {name!r}")
    return getattr(importlib.import_module(module), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES})
