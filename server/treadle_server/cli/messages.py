"""API messages as JSON and YAML, for machines.

JSON is protobuf's own mapping of the message (lowerCamelCase names, 64-bit numbers as text, bytes
as base64), fields that are not set included, so that what a script looks for is always there.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable
from functools import cache
from typing import Any

import click
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message

from treadle_server.cli.exit_codes import missing_extra
from treadle_server.cli.options import OutputFormat

_RARE_BREAKS = frozenset("\x85\u2028\u2029")


def to_plain(message: Message) -> dict[str, Any]:
    """The message as what JSON has."""
    return MessageToDict(message, always_print_fields_with_no_presence=True)


def print_message(message: Message, output: OutputFormat) -> None:
    """Prints one message in one of the formats for machines."""
    print_plain(to_plain(message), output)


def print_list(message: Message, items: Iterable[Message], output: OutputFormat) -> None:
    """Prints a message that is a list: whole, or for jsonl its items, one per line."""
    if output is OutputFormat.JSONL:
        for item in items:
            print_plain(to_plain(item), output)
    else:
        print_message(message, output)


def print_plain(value: object, output: OutputFormat) -> None:
    """Prints what JSON has; YAML as a document of its own."""
    click.echo(plain_text(value, output))


def plain_text(value: object, output: OutputFormat) -> str:
    """The text of what JSON has. Raises `CommandFailed` if YAML is wanted and not installed."""
    if output is OutputFormat.YAML:
        return f"---\n{to_yaml(value)}".rstrip("\n")
    if output is OutputFormat.JSONL:
        return json.dumps(value, ensure_ascii=not _is_unicode(), separators=(",", ":"))
    return json.dumps(value, ensure_ascii=not _is_unicode(), indent=2)


def _is_unicode() -> bool:
    """Whether stdout takes all characters; of another encoding machines read ASCII alone."""
    return (sys.stdout.encoding or "").lower().startswith("utf")


def to_yaml(value: object) -> str:
    """The value as YAML. Raises `CommandFailed` if PyYAML is not installed."""
    try:
        import yaml
    except ImportError as error:
        missing_extra("YAML output", "cli", error)
    text: str = yaml.dump(
        value, Dumper=_dumper(), sort_keys=False, allow_unicode=_is_unicode(), width=100
    )
    return text


@cache
def _dumper() -> type[Any]:
    """Puts texts in quotes that YAML 1.2 takes for numbers, beside those that PyYAML's 1.1 does,
    and writes out the ends of lines that it would fold.
    """
    import yaml

    class Dumper(yaml.SafeDumper):
        pass

    number = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$|0o[0-7]+$")

    def text_node(dumper: Any, text: str) -> Any:
        style = '"' if _RARE_BREAKS.intersection(text) else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", text, style)

    Dumper.add_representer(str, text_node)
    Dumper.add_implicit_resolver("tag:yaml.org,2002:float", number, list("-+.0123456789"))
    return Dumper
