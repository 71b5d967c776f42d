"""Parts of a graph document: durations as text, kinds of failure by name, plain JSON values."""

from __future__ import annotations

import json
from collections.abc import Iterable, Set
from datetime import timedelta

from treadle import payload
from treadle.errors import DefinitionError, PayloadError


def without_absent(**fields: object) -> dict[str, object]:
    """The fields that say something: neither None nor empty. Zero and False do."""
    return {
        name: value
        for name, value in fields.items()
        if value is not None and value != "" and value != [] and value != {}
    }


def duration(value: str | float | timedelta | None) -> str | float | None:
    """A duration as the document has it: text, or a number of seconds.

    Text and numbers are passed on: the server reads them, and says what is wrong with them.
    """
    if not isinstance(value, timedelta):
        return value
    microseconds = value // timedelta(microseconds=1)
    for unit, size in (("s", 1_000_000), ("ms", 1_000)):
        if microseconds % size == 0:
            return f"{microseconds // size}{unit}"
    return value.total_seconds()


def kind_names(kinds: Iterable[str | type[BaseException]]) -> list[str]:
    """Kinds of failure by name; an exception class has its own name. Those of a set are sorted: it
    has another order in each process, and the document would be another one.
    """
    if isinstance(kinds, str):
        raise DefinitionError(f"kinds of failure are a list: [{kinds!r}] instead of {kinds!r}")
    names = [kind if isinstance(kind, str) else kind.__name__ for kind in kinds]
    return sorted(names) if isinstance(kinds, Set) else names


def plain(value: object, what: str) -> object:
    """A copy of the value in JSON's own types. Raises `DefinitionError` if it has none."""
    try:
        return json.loads(payload.encode_json(value))
    except PayloadError as error:
        raise DefinitionError(f"{what}: {error}") from error
