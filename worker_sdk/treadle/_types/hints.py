"""How annotations are built: names resolved, wrappers taken off, members of objects listed."""

from __future__ import annotations

import collections.abc
import dataclasses
import functools
import inspect
import types
import typing
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NewType, NotRequired, Required, Union

from treadle.errors import DefinitionError

MISSING: object = inspect.Parameter.empty
"""Stands for "no default". (`dataclasses.MISSING` cannot be the default of a dataclass's field.)"""


@dataclass(frozen=True, slots=True)
class Member:
    """A named part of an object: a field of a dataclass, a key of a TypedDict, a parameter."""

    name: str
    annotation: object
    required: bool
    default: object = MISSING
    """What counts if it is absent; `MISSING` if there is none that can be named."""


def resolve_hints(owner: Callable[..., object] | type) -> dict[str, Any]:
    """The annotations of a class or function as objects. Raises `DefinitionError`."""
    try:
        return typing.get_type_hints(owner, include_extras=True)
    except (NameError, TypeError, AttributeError, SyntaxError) as error:
        raise DefinitionError(
            f"the annotations of {owner.__qualname__} cannot be resolved: {error}. "
            "Types that activities use must be importable at the module's top level, and not only "
            "under TYPE_CHECKING."
        ) from error


_WRAPPERS = (Annotated, Required, NotRequired, typing.Final)
"""Beside `ReadOnly`, of which older Pythons have only that of `typing_extensions`."""


def unwrap(annotation: object) -> object:
    """Takes off `Annotated`, `NewType`, `type X = ...` aliases, `Required` and the like."""
    while True:
        origin = typing.get_origin(annotation)
        if origin in _WRAPPERS or getattr(origin, "_name", "") == "ReadOnly":
            annotation = typing.get_args(annotation)[0]
        elif isinstance(annotation, NewType):
            annotation = annotation.__supertype__
        elif type(annotation).__name__ == "TypeAliasType":
            annotation = annotation.__value__  # type: ignore[attr-defined]
        else:
            return object if annotation is Any else annotation


def is_union(origin: object) -> bool:
    return origin is Union or origin is types.UnionType


def is_literal(origin: object) -> bool:
    return origin is Literal


def is_typed_dict(annotation: object) -> bool:
    # That of `typing_extensions` is a class of its own on older Pythons.
    return typing.is_typeddict(annotation) or (
        isinstance(annotation, type)
        and issubclass(annotation, dict)
        and hasattr(annotation, "__required_keys__")
    )


def dataclass_members(cls: type) -> list[Member]:
    """The fields a dataclass is built from."""
    hints = resolve_hints(cls)
    members = []
    for field in dataclasses.fields(cls):
        if not field.init:
            continue
        named = field.default is not dataclasses.MISSING
        optional = named or field.default_factory is not dataclasses.MISSING
        default = field.default if named else MISSING
        members.append(Member(field.name, hints[field.name], not optional, default))
    return members


def typed_dict_members(cls: type) -> list[Member]:
    """The keys of a TypedDict."""
    members = []
    for name, hint in resolve_hints(cls).items():
        marker = typing.get_origin(hint)
        # Python's own set does not see markers in annotations that are text, as they are under
        # `from __future__ import annotations`.
        required = name in cls.__required_keys__  # type: ignore[attr-defined]
        if marker in (Required, NotRequired):
            required = marker is Required
        members.append(Member(name, hint, required))
    return members


def member_names(annotation: object) -> frozenset[str] | None:
    """The names of a class's members, as JSON has them; None for what is no such class."""
    if not isinstance(annotation, type):
        return None
    if is_typed_dict(annotation):
        return frozenset(annotation.__annotations__)
    if dataclasses.is_dataclass(annotation):
        return frozenset(field.name for field in dataclasses.fields(annotation) if field.init)
    if (fields := getattr(annotation, "__struct_encode_fields__", None)) is not None:  # msgspec
        return frozenset(fields)
    if (models := getattr(annotation, "__pydantic_fields__", None)) is not None:
        return frozenset(name for key, one in models.items() for name in (key, one.alias) if name)
    return None


def name_of(annotation: object) -> str:
    """An annotation as people write it."""
    if isinstance(annotation, type) and typing.get_origin(annotation) is None:
        return annotation.__qualname__
    return str(annotation).replace("typing.", "")


_AWAITED = (collections.abc.Coroutine, collections.abc.Awaitable)


@functools.lru_cache(maxsize=1_000)
def return_annotation(function: Callable[..., object]) -> Any:
    """What a function says that it gives, once awaited; `MISSING` if it does not say. Raises
    `DefinitionError` if that cannot be resolved.
    """
    if "return" not in getattr(function, "__annotations__", {}):
        return MISSING
    given = resolve_hints(function)["return"]
    is_awaited = typing.get_origin(given) in _AWAITED and typing.get_args(given)
    return typing.get_args(given)[-1] if is_awaited else given


@functools.lru_cache(maxsize=1_000)
def parameter_names(function: Callable[..., object]) -> tuple[str, ...]:
    """The names of a function's parameters. Raises `ValueError` or `TypeError` for some builtins,
    of which Python does not know them.
    """
    return tuple(inspect.signature(function).parameters)
