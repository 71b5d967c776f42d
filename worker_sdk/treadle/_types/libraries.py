"""Models of pydantic and msgspec: their own library checks them and describes them.

Neither is a dependency. A class of one of them can only reach this module if the user has imported
that library, so it is looked up among the loaded modules.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from typing import Any

from treadle import payload
from treadle._types.mismatch import Mismatch, member
from treadle._types.scalars import Converter

Reader = Callable[[bytes, str], object]
"""Takes JSON text and the path of its root; returns a model or raises `Mismatch`."""

_MSGSPEC_PATH = re.compile(r" - at `(?:key in )?\$(?P<path>[^`]*)`$")


def converter(cls: type) -> Converter | None:
    """Converts a JSON value to a model of this class; None if the class is of neither library."""
    if _is_pydantic(cls):
        read = _pydantic_reader(cls)
        # By way of text: pydantic's strict mode takes a date from JSON text but not from a `str`.
        return lambda value, path: read(payload.encode_json(value), path)
    if _is_msgspec(cls):
        return _msgspec_converter(cls)
    return None


def reader(cls: object) -> Reader | None:
    """Reads a model straight from JSON text, the fast way; None if of neither library."""
    if not isinstance(cls, type):
        return None
    if _is_pydantic(cls):
        return _pydantic_reader(cls)
    if _is_msgspec(cls):
        return _msgspec_reader(cls)
    return None


def schema(cls: type, name: str) -> tuple[dict[str, object], dict[str, object]] | None:
    """JSON Schema of a model and what it refers to, under names that begin with `name`."""
    if _is_pydantic(cls):
        model: Any = cls
        described = model.model_json_schema(ref_template=f"#/$defs/{name}.{{model}}")
        components = described.pop("$defs", {})
    elif _is_msgspec(cls):
        msgspec: Any = sys.modules["msgspec"]
        template = f"#/$defs/{name}.{{name}}"
        (described,), components = msgspec.json.schema_components([cls], ref_template=template)
    else:
        return None
    return described, {f"{name}.{key}": value for key, value in components.items()}


def _is_pydantic(cls: type) -> bool:
    pydantic = sys.modules.get("pydantic")
    return pydantic is not None and issubclass(cls, pydantic.BaseModel)


def _is_msgspec(cls: type) -> bool:
    msgspec = sys.modules.get("msgspec")
    return msgspec is not None and issubclass(cls, msgspec.Struct)


def _pydantic_reader(cls: Any) -> Reader:
    pydantic: Any = sys.modules["pydantic"]

    def read(data: bytes, path: str) -> object:
        try:
            return cls.model_validate_json(data)
        except pydantic.ValidationError as error:
            raise Mismatch(
                (_join(path, fault["loc"]), fault["msg"])
                for fault in error.errors(include_url=False, include_input=False)
            ) from None

    return read


def _join(path: str, location: tuple[int | str, ...]) -> str:
    for part in location:
        path = f"{path}[{part}]" if isinstance(part, int) else member(path, part)
    return path


def _msgspec_reader(cls: type) -> Reader:
    msgspec: Any = sys.modules["msgspec"]
    decoder = msgspec.json.Decoder(cls)

    def read(data: bytes, path: str) -> object:
        try:
            return decoder.decode(data)
        except msgspec.DecodeError as error:
            raise _msgspec_mismatch(error, path) from None

    return read


def _msgspec_converter(cls: type) -> Converter:
    msgspec: Any = sys.modules["msgspec"]

    def convert(value: object, path: str) -> object:
        try:
            return msgspec.convert(value, cls)
        except msgspec.ValidationError as error:
            raise _msgspec_mismatch(error, path) from None

    return convert


def _msgspec_mismatch(error: Exception, path: str) -> Mismatch:
    """msgspec writes the place at the end of its message: "... - at `$.items[3].price`"."""
    text = str(error)
    place = _MSGSPEC_PATH.search(text)
    if place is None:
        return Mismatch.at(path, text)
    return Mismatch.at(path + place["path"], text[: place.start()])
