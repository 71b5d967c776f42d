"""YAML as definitions are written in it: JSON's values, keys once each, every place known.

YAML 1.1, which PyYAML reads, has traps for this kind of document: `on:` is the key True, `no` is
False, `1:30` is 90, `010` is 8. So plain words are read by the rules of YAML 1.2's core schema, and
keys are always text. What JSON has no form for (dates, tags, NaN, cycles) is refused.
"""

from __future__ import annotations

import gc
import re
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import yaml
from yaml.events import CollectionEndEvent, CollectionStartEvent
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

MAX_VALUES = 5_000_000
"""Values in one document, with aliases written out: more is an accident, or an attack."""

MAX_DEPTH = 200

_AFTER_KEY = ("", ".", "[")

_TAG = "tag:yaml.org,2002:"


class YamlError(ValueError):
    """What is wrong, and in which line (from 1; None if it is not known)."""

    def __init__(self, message: str, line: int | None) -> None:
        super().__init__(message)
        self.line = line


if TYPE_CHECKING:
    _Base = yaml.SafeLoader
else:
    # The C parser is ten times faster, and missing where libyaml is.
    _Base = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _CoreLoader(_Base):
    """Composes nodes with the tags of YAML 1.2's core schema."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012


def _resolve(name: str, pattern: str, first: str) -> None:
    _CoreLoader.add_implicit_resolver(_TAG + name, re.compile(f"^(?:{pattern})$"), list(first))


_resolve("null", "~|null|Null|NULL|", "~nN")
_CoreLoader.add_implicit_resolver(_TAG + "null", re.compile("^$"), [""])
_resolve("bool", "true|True|TRUE|false|False|FALSE", "tTfF")
_resolve("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789")
_resolve("float", r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", "-+.0123456789")
_resolve("merge", "<<", "<")


def compose(text: str) -> list[Node]:
    """The documents of a text, as nodes that know their places. Raises `YamlError`."""
    try:
        _refuse_depth(text)
        with _collector_paused():
            return list(yaml.compose_all(text, _CoreLoader))
    except yaml.MarkedYAMLError as error:
        raise _not_yaml(error) from error
    except yaml.YAMLError as error:
        raise YamlError(f"not YAML: {error}", None) from error


def _not_yaml(error: yaml.MarkedYAMLError) -> YamlError:
    begun, found = error.context_mark, error.problem_mark
    context = error.context or ""
    if begun and found and begun.line != found.line:
        context += f" that begins in line {begun.line + 1}"
    problem = ", ".join(part for part in (context, error.problem) if part)
    mark = found or begun
    return YamlError(f"not YAML: {problem}", mark.line + 1 if mark else None)


@contextmanager
def _collector_paused() -> Iterator[None]:
    """A million nodes that all stay make the collector look again and again: four times slower."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _refuse_depth(text: str) -> None:
    """The C parser makes its nodes by calling itself, and ends the process when it is too deep."""
    depth = 0
    for event in yaml.parse(text, _CoreLoader):
        if isinstance(event, CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                line = event.start_mark.line + 1 if event.start_mark else None
                raise YamlError(f"nested more than {MAX_DEPTH} deep", line)
        elif isinstance(event, CollectionEndEvent):
            depth -= 1


def line_of(node: Node) -> int:
    """The line where a node begins, from 1."""
    line: int = node.start_mark.line
    return line + 1


class _Reader:
    """Turns nodes into values; counts them, for an alias of an alias multiplies."""

    def __init__(self) -> None:
        self._left = MAX_VALUES

    def read(self, node: Node, depth: int = 0) -> object:
        self._left -= 1
        if self._left < 0:
            raise YamlError(f"more than {MAX_VALUES:,} values, aliases written out", line_of(node))
        if depth > MAX_DEPTH:
            raise YamlError(f"nested more than {MAX_DEPTH} deep, or in itself", line_of(node))
        if isinstance(node, MappingNode) and node.tag == _TAG + "map":
            return {key: self.read(value, depth + 1) for key, _, value in entries(node)}
        if isinstance(node, SequenceNode) and node.tag == _TAG + "seq":
            return [self.read(item, depth + 1) for item in node.value]
        return _scalar(node)


def read(node: Node) -> object:
    """The value of a node. Raises `YamlError`."""
    return _Reader().read(node)


def entries(node: MappingNode) -> Iterator[tuple[str, Node, Node]]:
    """Key, key's node and value's node of a mapping, merged ones (`<<`) last.

    Raises `YamlError` if a key stands twice, is no plain text, or a merge is not of mappings.
    """
    own, merges = _own_entries(node)
    yield from own
    yield from _merged(merges, {key for key, _, _ in own}, {id(node)})


def _own_entries(node: MappingNode) -> tuple[list[tuple[str, Node, Node]], list[Node]]:
    lines: dict[str, int] = {}
    own: list[tuple[str, Node, Node]] = []
    merges: list[Node] = []
    for key_node, value_node in node.value:
        if key_node.tag == _TAG + "merge":
            merges += value_node.value if isinstance(value_node, SequenceNode) else [value_node]
            continue
        if not isinstance(key_node, ScalarNode):
            raise YamlError("a key must be text, not a list or a mapping", line_of(key_node))
        key: str = key_node.value
        if key in lines:
            raise YamlError(
                f"the key {key!r} stands here a second time; the first is in line {lines[key]}",
                line_of(key_node),
            )
        lines[key] = line_of(key_node)
        own.append((key, key_node, value_node))
    return own, merges


def _merged(
    merges: list[Node], seen: set[str], visited: set[int]
) -> Iterator[tuple[str, Node, Node]]:
    """Each source counts once: what merges itself, or the same on many ways, brings nothing new."""
    pending = deque(merges)
    while pending:
        source = pending.popleft()
        if id(source) in visited:
            continue
        visited.add(id(source))
        if not isinstance(source, MappingNode):
            raise YamlError("<< merges mappings, and this is none", line_of(source))
        own, further = _own_entries(source)
        pending.extendleft(reversed(further))
        for entry in own:
            if entry[0] not in seen:
                seen.add(entry[0])
                yield entry


def _scalar(node: Node) -> object:
    text: Any = node.value
    match node.tag.removeprefix(_TAG) if isinstance(node, ScalarNode) else "":
        case "str" | "merge":
            return text
        case "null":
            return None
        case "bool":
            return text.lower() == "true"
        case "int":
            return _integer(text, node)
        case "float":
            return _float(text, node)
    raise YamlError(f"the tag {node.tag!r} has no form in JSON here", line_of(node))


def _integer(text: str, node: Node) -> int:
    try:
        if text.startswith(("0o", "0x")):
            return int(text, 0)
        return int(text)
    except ValueError as error:
        raise YamlError(f"the number is not an integer: {error}", line_of(node)) from error


def _float(text: str, node: Node) -> float:
    try:
        value = float(text)
    except ValueError as error:
        raise YamlError(f"{text!r} is not a number", line_of(node)) from error
    if value - value != 0:
        raise YamlError(f"{text} is not a number that JSON has", line_of(node))
    return value


def line_of_path(root: Node, path: str) -> int:
    """The line of what a path such as `edges[3].when` or `nodes.charge.retry` names.

    Goes as far as the path agrees with the document: a key that is missing is looked for in its
    mapping, so that is where the line points.
    """
    node, line, rest = root, line_of(root), path
    while rest:
        step = _step(node, rest)
        if step is None:
            return line
        node, line, rest = step
    return line


def _step(node: Node, rest: str) -> tuple[Node, int, str] | None:
    if isinstance(node, SequenceNode):
        match = re.match(r"\.?\[?(\d+)\]?", rest)
        if match and int(match[1]) < len(node.value):
            item = node.value[int(match[1])]
            return item, line_of(item), rest[match.end() :]
        return None
    if not isinstance(node, MappingNode):
        return None
    # Keys may hold dots and brackets, so the longest key that fits is meant.
    best: tuple[int, Node, Node] | None = None
    start = 1 if rest.startswith(".") else 0
    for key, key_node, value_node in entries(node):
        forms = [key]
        if rest.startswith("[", start):
            forms += [f'["{key}"]', f"['{key}']", f"[{key}]"]
        for form in forms:
            end = start + len(form)
            fits = rest.startswith(form, start) and rest[end : end + 1] in _AFTER_KEY
            if fits and (best is None or end > best[0]):
                best = (end, key_node, value_node)
    if best is None:
        return None
    end, key_node, value_node = best
    return value_node, line_of(key_node), rest[end:]
