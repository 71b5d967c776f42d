"""The client: one for asyncio, one that blocks, and the values both speak of."""

from treadle._client.asynchronous import Client, RunHandle
from treadle._client.asynchronous_groups import GroupHandle
from treadle._client.blocking import BlockingClient, BlockingRunHandle
from treadle._client.blocking_groups import BlockingGroupHandle
from treadle._client.channel import ADDRESS_VARIABLE, DEFAULT_ADDRESS
from treadle._client.groups import GroupMember, GroupResult, GroupStatus
from treadle._client.requests import (
    ConflictPolicy,
    IncidentAnswer,
    ReusePolicy,
    Start,
    StartEvent,
    StartOptions,
)
from treadle._client.values import (
    Definition,
    Held,
    Hint,
    NodeExecution,
    PendingActivity,
    Run,
    RunDescription,
    RunEvent,
    RunState,
    StartedRun,
)

__all__ = [
    "ADDRESS_VARIABLE",
    "DEFAULT_ADDRESS",
    "BlockingClient",
    "BlockingGroupHandle",
    "BlockingRunHandle",
    "Client",
    "ConflictPolicy",
    "Definition",
    "GroupHandle",
    "GroupMember",
    "GroupResult",
    "GroupStatus",
    "Held",
    "Hint",
    "IncidentAnswer",
    "NodeExecution",
    "PendingActivity",
    "ReusePolicy",
    "Run",
    "RunDescription",
    "RunEvent",
    "RunHandle",
    "RunState",
    "Start",
    "StartEvent",
    "StartOptions",
    "StartedRun",
]
