"""`RunMemory`: an activity's view of its run's memory.

It reads the declared keys as of the start of the attempt. Changes are collected and travel with the
attempt's result: they happen together with it, or not at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar, overload

from treadle import payload
from treadle._types import conversion
from treadle._types.mismatch import Mismatch
from treadle.errors import MemoryKeyMissing, MemoryTypeMismatch
from treadle.v1 import payload_pb2

_Value = TypeVar("_Value")


class RunMemory:
    """A run's memory, as one attempt sees it: its own changes included."""

    def __init__(self, stored: Mapping[str, payload_pb2.Payload]) -> None:
        self._stored = stored
        self._changed: dict[str, object] = {}
        self._deleted: set[str] = set()
        self.operations: list[payload_pb2.MemoryOperation] = []
        """What is to be applied with the result, in order."""

    def __contains__(self, key: object) -> bool:
        return key not in self._deleted and (key in self._changed or key in self._stored)

    def __iter__(self) -> Iterator[str]:
        return (key for key in {**self._stored, **self._changed} if key not in self._deleted)

    def __getitem__(self, key: str) -> Any:
        if key not in self:
            raise MemoryKeyMissing(f"the run's memory has no key {key!r} for this activity")
        return self.get(key)

    @overload
    def get(self, key: str) -> Any: ...

    @overload
    def get(self, key: str, as_type: type[_Value]) -> _Value | None: ...

    @overload
    def get(self, key: str, as_type: type[_Value], default: _Value) -> _Value: ...

    def get(self, key: str, as_type: Any = None, default: Any = None) -> Any:
        """The value of a key; `default` if it is absent.

        Args:
            key: one that the activity declares to read; others are always absent.
            as_type: an annotation that the value is checked against, like an activity's input.
            default: what an absent key counts as.

        Raises `MemoryTypeMismatch` if the value does not fit `as_type`. `memory[key]` raises
        `MemoryKeyMissing` for an absent key.
        """
        if key not in self:
            return default
        value = self._changed[key] if key in self._changed else payload.decode(self._stored[key])
        if as_type is None:
            return value
        try:
            return conversion.compile_converter(as_type)(value, f"memory.{key}")
        except Mismatch as mismatch:
            raise MemoryTypeMismatch(str(mismatch)) from None

    def set(self, key: str, value: object) -> None:
        """Writes a value. Raises `PayloadError` if it cannot be written."""
        written = payload.encode(value)
        self._change(key, payload.decode(written))
        self.operations.append(payload_pb2.MemoryOperation(key=key, set=written))

    def delete(self, key: str) -> None:
        """Forgets a key; one that is absent stays so."""
        self._changed.pop(key, None)
        self._deleted.add(key)
        self.operations.append(payload_pb2.MemoryOperation(key=key, delete=True))

    def add(self, key: str, number: float) -> None:
        """Adds to the number that is there when the result is applied; 0 if there is none."""
        present = self.get(key)
        if isinstance(present, (int, float)) or present is None:
            self._change(key, (present or 0) + number)
        self.operations.append(payload_pb2.MemoryOperation(key=key, add=number))

    def compare_and_set(self, key: str, expected: object, value: object) -> None:
        """Writes a value only if, when the result is applied, the key holds `expected`.

        `expected` None: only if the key is absent. Otherwise the attempt counts as failed and is
        tried again as its retry policy says.
        """
        operation = payload_pb2.MemoryOperation(key=key)
        if expected is not None:
            operation.compare_and_set.expected.CopyFrom(payload.encode(expected))
        operation.compare_and_set.value.CopyFrom(payload.encode(value))
        self._change(key, payload.decode(operation.compare_and_set.value))
        self.operations.append(operation)

    def _change(self, key: str, value: object) -> None:
        self._changed[key] = value
        self._deleted.discard(key)
