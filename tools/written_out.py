"""Dataclasses with what `dataclasses` makes of them written out, for mypyc, which does not.

Their `__init__`, which it would leave to the interpreter; and their annotations, of which it keeps
less than half. Lines stay where they are, so that what a traceback says is true of the file that
people read: the two take the two empty lines that follow a class.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass

_FUTURE = "from __future__ import annotations"


@dataclass(slots=True)
class Field:
    """A field as its source has it: its default, or what makes one."""

    name: str
    annotation: str
    default: str | None = None
    factory: str | None = None


@dataclass(slots=True)
class Record:
    """A dataclass as its source has it."""

    bases: list[str]
    fields: list[Field]
    kw_only: bool
    plain: bool
    """Whether nothing but assignments is in its `__init__`."""
    end_line: int


def dataclasses_of(source: str) -> dict[str, Record]:
    """The dataclasses of a module, by name."""
    found = {}
    for node in ast.parse(source).body:
        options = _options(node) if isinstance(node, ast.ClassDef) else None
        if isinstance(node, ast.ClassDef) and options is not None:
            assigned = [_field(one) for one in node.body if isinstance(one, ast.AnnAssign)]
            methods = {one.name for one in node.body if isinstance(one, ast.FunctionDef)}
            found[node.name] = Record(
                bases=[ast.unparse(base) for base in node.bases],
                fields=[one for one in assigned if not one.annotation.startswith("ClassVar")],
                kw_only="kw_only" in options,
                plain="frozen" not in options and not methods & {"__init__", "__post_init__"},
                end_line=node.end_lineno or node.lineno,
            )
    return found


def written_out(source: str, known: Mapping[str, Record]) -> str:
    """The source of a module, with more in its dataclasses. `known`: the dataclasses that they may
    be made from, by name.
    """
    lines = [*source.splitlines(), "", ""]
    for name, record in dataclasses_of(source).items():
        bases = [known[base] for base in record.bases if base in known]
        inherited = [field for base in bases for field in base.fields]
        if record.plain and (inherited or record.fields):
            lines[record.end_line] = _init(record, inherited)
        annotations = {field.name: field.annotation for field in record.fields}
        lines[record.end_line + 1] = f"setattr({name}, '__annotations__', {annotations!r})"
    text = "\n".join(lines) + "\n"
    return text.replace(_FUTURE, f"{_FUTURE}; import typing as _typing", 1)


def _options(node: ast.ClassDef) -> set[str] | None:
    """The options that are on, or None if it is no dataclass."""
    for decorator in node.decorator_list:
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "dataclass":
            return {one.arg or "" for one in decorator.keywords if ast.unparse(one.value) == "True"}
        if ast.unparse(decorator) == "dataclass":
            return set()
    return None


def _field(node: ast.AnnAssign) -> Field:
    found = Field(ast.unparse(node.target), ast.unparse(node.annotation))
    value = node.value
    if isinstance(value, ast.Call) and ast.unparse(value.func) == "field":
        given = {one.arg: one.value for one in value.keywords}
        if (default := given.get("default")) is not None:
            found.default = ast.unparse(default)
        if (factory := given.get("default_factory")) is not None:
            made = factory.body if isinstance(factory, ast.Lambda) else ast.Call(factory, [], [])
            found.factory = ast.unparse(made)
    elif value is not None:
        found.default = ast.unparse(value)
    return found


def _init(record: Record, inherited: list[Field]) -> str:
    # What the annotation of a field means is known where it comes from, and need not be here.
    parameters = [_parameter(field, "_typing.Any") for field in inherited]
    parameters += [_parameter(field, field.annotation) for field in record.fields]
    star = ["*"] if record.kw_only else []
    body = "; ".join(_assignment(field) for field in [*inherited, *record.fields])
    return f"    def __init__({', '.join(['self', *star, *parameters])}) -> None: {body}"


def _parameter(field: Field, annotation: str) -> str:
    if field.factory is not None:
        return f"{field.name}: {annotation} | None = None"
    return f"{field.name}: {annotation}" + ("" if field.default is None else f" = {field.default}")


def _assignment(field: Field) -> str:
    name = field.name
    made = name if field.factory is None else f"{field.factory} if {name} is None else {name}"
    return f"self.{name} = {made}"
