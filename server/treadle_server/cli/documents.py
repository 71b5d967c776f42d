"""What `treadle deploy` takes: YAML and JSON files, stdin, and graphs in Python modules.

Every document knows the line of a path into it, so that a refusal by the server can be shown where
the person wrote the fault.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from treadle_server.cli.exit_codes import CommandFailed, ExitCode, missing_extra

if TYPE_CHECKING:
    from treadle._client.requests import HasDocument

MAX_BYTES = 64 * 1024 * 1024
"""The contract's limit for a document."""

_YAML_SUFFIXES = (".yaml", ".yml")


class NoDefinitions(CommandFailed):
    """A Python module in which there is none."""


@dataclass(frozen=True, slots=True)
class Document:
    """A document, where it came from, and the line of a path into it (None: not known)."""

    source: str
    content: Mapping[str, object]
    line_of: Callable[[str], int | None]

    def place(self, path: str) -> str:
        """Such as `orders.yaml:31`."""
        line = self.line_of(path)
        return self.source if line is None else f"{self.source}:{line}"


def load(argument: str) -> list[Document]:
    """The documents that an argument names. Raises `CommandFailed` with FILE:LINE where it can."""
    if argument == "-":
        return _parse("<stdin>", sys.stdin.buffer.read(MAX_BYTES + 1))
    if argument.endswith((*_YAML_SUFFIXES, ".json")):
        try:
            with Path(argument).open("rb") as file:
                return _parse(argument, file.read(MAX_BYTES + 1))
        except OSError as error:
            reason = error.strerror or str(error)
            raise CommandFailed(f"cannot read {argument}: {reason}", ExitCode.USAGE) from error
    if os.path.isfile(argument) and not argument.endswith(".py"):
        raise CommandFailed(
            f"{argument}: the name must end in .yaml, .yml, .json or .py", ExitCode.USAGE
        )
    return _built(argument)


def _parse(source: str, data: bytes) -> list[Document]:
    if len(data) > MAX_BYTES:
        raise CommandFailed(f"{source}: larger than {MAX_BYTES // 2**20} MiB", ExitCode.USAGE)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise CommandFailed(f"{source}:{line}: not UTF-8", ExitCode.USAGE) from error
    looks_like_json = text.lstrip()[:1] == "{" and not source.endswith(_YAML_SUFFIXES)
    documents = _parse_json(source, text) if looks_like_json else _parse_yaml(source, text)
    if not documents:
        raise CommandFailed(f"{source}: holds no document", ExitCode.USAGE)
    return documents


# --- JSON ----------------------------------------------------------------------------------------


def _parse_json(source: str, text: str) -> list[Document]:
    try:
        content = json.loads(text, object_pairs_hook=_once_each, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise CommandFailed(
            f"{source}:{error.lineno}: not JSON: {error.msg}", ExitCode.USAGE
        ) from error
    except _DuplicateKey as error:
        line = _line_of_duplicate(text)
        place = source if line is None else f"{source}:{line}"
        raise CommandFailed(f"{place}: {error}", ExitCode.USAGE) from error
    except (ValueError, RecursionError) as error:
        raise CommandFailed(f"{source}: not JSON: {error}", ExitCode.USAGE) from error
    return [Document(source, content, lambda path: _line_in_json(text, path))]


class _DuplicateKey(ValueError):
    """A key stands twice in one object."""


def _once_each(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for index, key in enumerate(keys) if key in keys[:index])
        raise _DuplicateKey(f"the key {twice!r} stands twice in one object")
    return members


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


def _line_in_json(text: str, path: str) -> int | None:
    """JSON is YAML, so its lines are found as YAML's are: only when something is wrong with it."""
    try:
        from treadle_server.cli import yaml_text

        return yaml_text.line_of_path(yaml_text.compose(text)[0], path)
    except (ImportError, ValueError, IndexError):
        return None


def _line_of_duplicate(text: str) -> int | None:
    try:
        from treadle_server.cli import yaml_text

        yaml_text.read(yaml_text.compose(text)[0])
    except ImportError:
        return None
    except ValueError as error:
        return getattr(error, "line", None)
    return None


# --- YAML ----------------------------------------------------------------------------------------


def _parse_yaml(source: str, text: str) -> list[Document]:
    try:
        from treadle_server.cli import yaml_text
    except ImportError as error:
        missing_extra("reading YAML", "cli", error)
    documents: list[Document] = []
    try:
        for root in yaml_text.compose(text):
            content = yaml_text.read(root)
            if content is None:
                continue
            if not isinstance(content, dict):
                raise yaml_text.YamlError(
                    "a definition is a mapping that begins with 'treadle: v1'",
                    yaml_text.line_of(root),
                )
            documents.append(Document(source, content, partial(yaml_text.line_of_path, root)))
    except yaml_text.YamlError as error:
        place = source if error.line is None else f"{source}:{error.line}"
        raise CommandFailed(f"{place}: {error}", ExitCode.USAGE) from error
    return documents


# --- Python --------------------------------------------------------------------------------------


def _built(argument: str) -> list[Document]:
    """The graphs and state machines of a Python file or module: the one that is named, or all at
    its top level.
    """
    from treadle.graph import Graph
    from treadle.machine import Machine
    from treadle_server.cli import python_objects

    module, attribute = python_objects.load(argument)
    found = [getattr(module, attribute, None)] if attribute else list(vars(module).values())
    built = {id(one): one for one in found if isinstance(one, (Graph, Machine))}
    if attribute and not built:
        what = "nothing of that name" if found == [None] else f"a {type(found[0]).__name__}"
        raise CommandFailed(
            f"{argument}: there is {what}, and no treadle.Graph or treadle.Machine",
            ExitCode.USAGE,
        )
    if not built:
        raise NoDefinitions(
            f"{argument}: no treadle.Graph or treadle.Machine at the module's top level",
            ExitCode.USAGE,
        )
    return [Document(argument, _document(argument, one), _no_line) for one in built.values()]


def _document(argument: str, built: HasDocument) -> Mapping[str, object]:
    from treadle.errors import DefinitionError

    try:
        return built.document()
    except DefinitionError as error:
        raise CommandFailed(f"{argument}: {error}", ExitCode.USAGE) from error


def _no_line(path: str) -> int | None:
    return None
