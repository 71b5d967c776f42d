"""`treadle lint`: advice about definitions and activities, without a server."""

from __future__ import annotations

import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from treadle_server.cli.command import Command
from treadle_server.cli.exit_codes import CommandFailed, ExitCode, missing_extra
from treadle_server.cli.options import OutputFormat, Settings, output_options

if TYPE_CHECKING:
    from treadle_server.cli.documents import Document


_NO_PYTHON = "syntax"


@dataclass(frozen=True, slots=True)
class _Finding:
    source: str
    line: int | None
    level: str
    """error or hint."""
    rule: str
    path: str
    message: str


@click.command(
    cls=Command,
    examples=[
        ("A definition", "treadle lint orders.yaml"),
        ("Activities and graphs of a Python file", "treadle lint shop/activities.py"),
        (
            "In CI: hints fail, but for one rule",
            "treadle lint --strict --ignore too-many-nodes *.yaml",
        ),
    ],
)
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@click.option("--ignore", "ignored", metavar="RULE", multiple=True, help="Do not apply this rule.")
@click.option("--strict", is_flag=True, help="Hints make the command fail, as errors do.")
@output_options
@click.pass_obj
def lint(settings: Settings, files: tuple[str, ...], ignored: tuple[str, ...], strict: bool) -> int:
    """Say what could be better in definitions, activities and workflows.

    FILE is a YAML or JSON file, or a Python file: its activities and workflows are read, its graphs
    checked. Errors are what the server would refuse, and what the code of a workflow must not do,
    as it is replayed: clocks, chance, ids, IO, blocking calls, threads, the environment, state of
    the process. Hints are advice: no error path, no timeout, too many nodes for a reader, a polling
    loop without a delay, names that say nothing, workflows that contain each other, calls that
    block the event loop, sets whose order differs, undoing that does not fit.
    """
    findings = [one for one in _find(files) if one.rule not in ignored]
    _show(settings, findings)
    failed = strict or any(one.level == "error" for one in findings)
    return ExitCode.FAILURE if findings and failed else ExitCode.OK


def _find(files: tuple[str, ...]) -> Iterator[_Finding]:
    from treadle_server.cli import documents

    loaded: list[Document] = []
    for file in files:
        python = file.endswith(".py")
        if python:
            found = list(_in_source(Path(file)))
            yield from found
            if any(one.rule == _NO_PYTHON for one in found):
                continue
        try:
            loaded += documents.load(file)
        except documents.NoDefinitions:
            if not python:
                raise
        if python:
            yield from _in_compensation(file)
    yield from _in_documents(loaded)


def _in_source(file: Path) -> Iterator[_Finding]:
    from treadle.lint import lint_source

    try:
        with tokenize.open(file) as text:
            found = lint_source(text.read(), str(file))
    except SyntaxError as error:
        yield _Finding(str(file), error.lineno, "error", _NO_PYTHON, "", error.msg)
        return
    except ValueError as error:  # not in its encoding, or with null bytes
        yield _Finding(str(file), None, "error", _NO_PYTHON, "", str(error))
        return
    except OSError as error:
        raise CommandFailed(f"cannot read {file}: {error.strerror}", ExitCode.USAGE) from error
    for one in found:
        yield _Finding(str(file), one.line, one.level, one.rule, "", one.message)


def _in_compensation(file: str) -> Iterator[_Finding]:
    from treadle_server.cli.python_objects import imported

    try:
        from treadle_server.cli.lint_undoing import RULE, misfits
    except ImportError as error:
        missing_extra("checking what undoes steps", "server", error)
    module = imported(file)
    if module is not None:
        with tokenize.open(file) as text:
            found = misfits(text.read(), module)
        for one in found:
            yield _Finding(file, one.line, "hint", RULE, "", one.message)


def _in_documents(loaded: list[Document]) -> Iterator[_Finding]:
    try:
        from treadle_server.definitions.compiled import compile_document
        from treadle_server.definitions.errors import DefinitionInvalid
        from treadle_server.definitions.graph.hints import nesting_hints
        from treadle_server.definitions.graph.model import GraphDefinition
    except ImportError as error:
        missing_extra("checking definitions", "server", error)
    sources, said = [], []
    for document in loaded:
        try:
            compiled = compile_document(dict(document.content))
        except DefinitionInvalid as refused:
            for fault in refused.violations:
                line = document.line_of(fault.path)
                yield _Finding(document.source, line, "error", "", fault.path, fault.message)
            continue
        said += [(document, hint) for hint in compiled.hints()]
        if isinstance(compiled.definition, GraphDefinition):
            sources.append((document, compiled.definition))
    by_identity = {id(one): document for document, one in sources}
    nested = nesting_hints([one for _, one in sources])
    said += [(by_identity[id(one)], hint) for one, hint in nested]
    for document, hint in said:
        line = document.line_of(hint.path)
        yield _Finding(document.source, line, "hint", hint.rule, hint.path, hint.message)


def _show(settings: Settings, findings: list[_Finding]) -> None:
    from treadle_server.cli.messages import print_plain
    from treadle_server.cli.screen import Screen, printable

    members = [{name: getattr(one, name) for name in _Finding.__slots__} for one in findings]
    if settings.output is OutputFormat.JSONL:
        for member in members:
            print_plain(member, settings.output)
        return
    if settings.output is not OutputFormat.TABLE:
        print_plain({"findings": members}, settings.output)
        return
    for one in sorted(findings, key=lambda one: (one.source, one.line or 0)):
        place = one.source if one.line is None else f"{one.source}:{one.line}"
        rule = f" [{one.rule}]" if one.rule else ""
        path = f"{printable(one.path)}: " if one.path else ""
        click.echo(f"{place}: {one.level}{rule}: {path}{printable(one.message)}")
    errors = sum(one.level == "error" for one in findings)
    count = f"errors: {errors}, hints: {len(findings) - errors}" if findings else "nothing to say"
    Screen(settings).note(count)
