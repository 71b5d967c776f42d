"""`Mismatch`: a value does not fit its annotation, and where."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


class Mismatch(Exception):
    """Carries every fault that was found, as pairs of path and description."""

    def __init__(self, faults: Iterable[tuple[str, str]]) -> None:
        self.faults: Sequence[tuple[str, str]] = tuple(faults)
        super().__init__("; ".join(f"{path}: {text}" for path, text in self.faults))

    @classmethod
    def at(cls, path: str, description: str) -> Mismatch:
        return cls([(path, description)])

    @classmethod
    def expected(cls, path: str, what: str, value: object) -> Mismatch:
        return cls.at(path, f"expected {what}, got {describe(value)}")


def describe(value: object) -> str:
    """A JSON value in a few words, for people: its type, and the value if it is short."""
    match value:
        case None:
            return "null"
        case bool():
            return f"the boolean {str(value).lower()}"
        case int() | float():
            text = repr(value) if abs(value) < 10**30 else "a number too large to show"
            return f"the number {text}"
        case str():
            return f"the string {value!r}" if len(value) <= 40 else f"the string {value[:40]!r}…"
        case list():
            return f"an array of {len(value)}"
        case dict():
            keys = ", ".join(map(repr, list(value)[:5]))
            return f"an object with {keys}{', …' if len(value) > 5 else ''}" if value else "{}"
        case bytes():
            return f"{len(value)} bytes"
    return type(value).__name__


def member(path: str, key: str) -> str:
    """The path of a member of the object at `path`."""
    return f"{path}.{key}" if key.isidentifier() else f"{path}[{key!r}]"
