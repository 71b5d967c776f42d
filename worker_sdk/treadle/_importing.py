"""Whether a command is importing a module, to look at what is in it. Nothing is run then."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from treadle.errors import DefinitionError

_importing = ContextVar("importing", default=False)


@contextmanager
def importing() -> Iterator[None]:
    """While a module is imported."""
    token = _importing.set(True)
    try:
        yield
    finally:
        _importing.reset(token)


def must_not_import() -> None:
    """Raises `DefinitionError` while a module is imported: what runs now would never come back."""
    if _importing.get():
        raise DefinitionError(
            "a worker is run while the module is imported; put that under"
            ' `if __name__ == "__main__":`'
        )
