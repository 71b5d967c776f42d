"""What activities share: opened once per worker before the first task, closed after the last."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager, AsyncExitStack
from typing import Any

from treadle.errors import DefinitionError

Factory = Callable[[], AbstractAsyncContextManager[Any] | AbstractContextManager[Any]]
"""Makes a context manager, async or plain, whose value the activities get."""


async def open_all(factories: Mapping[str, Factory], stack: AsyncExitStack) -> dict[str, Any]:
    """Opens each in order; the stack closes them in reverse. What opening raises goes through."""
    opened: dict[str, Any] = {}
    for name, factory in factories.items():
        manager = factory()
        if isinstance(manager, AbstractAsyncContextManager):
            opened[name] = await stack.enter_async_context(manager)
        elif isinstance(manager, AbstractContextManager):
            opened[name] = stack.enter_context(manager)
        else:
            raise DefinitionError(
                f"resource {name!r}: its factory returned {type(manager).__name__}, not a context "
                "manager; decorate a generator function with contextlib.asynccontextmanager"
            )
    return opened
