"""What mypyc compiles is the source with dataclasses written out: the same, line by line."""

from __future__ import annotations

import ast
import dataclasses
import sys
import typing
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import treadle_server
from tools.compile_server import COMPILED, INTERPRETED, is_compiled
from tools.written_out import dataclasses_of, written_out

PACKAGE = Path(treadle_server.__file__).parent
SOURCE = '''"""One of each kind."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar


@dataclass(slots=True, kw_only=True)
class Base:
    """It has fields that others inherit."""

    number: int = 0


@dataclass(slots=True, kw_only=True)
class Derived(Base):
    name: str
    names: list[str] = field(default_factory=list)
    made: list[str] = field(default_factory=lambda: ["a"])
    least: int | None = field(default=None)
    LIMIT: ClassVar[int] = 3


@dataclass
class Plain:
    first: int
    second: tuple[str, ...] = ()


@dataclass(frozen=True)
class Frozen:
    first: int


@dataclass(slots=True)
class Empty:
    """Nothing."""
'''


@pytest.fixture
def both(monkeypatch: pytest.MonkeyPatch) -> tuple[dict[str, Any], dict[str, Any]]:
    found = []
    for name, source in (
        ("before", SOURCE),
        ("after", written_out(SOURCE, dataclasses_of(SOURCE))),
    ):
        module = ModuleType(name)
        monkeypatch.setitem(sys.modules, name, module)
        exec(compile(source, name, "exec"), module.__dict__)
        found.append(module.__dict__)
    return found[0], found[1]


def test_classes_are_made_as_before(both: tuple[dict[str, Any], dict[str, Any]]) -> None:
    for found in both:
        derived = found["Derived"](name="a", number=4)
        assert repr(derived) == "Derived(number=4, name='a', names=[], made=['a'], least=None)"
        assert found["Derived"](name="a").names is not derived.names
        assert found["Plain"](1, ("b",)) == found["Plain"](second=("b",), first=1)
        with pytest.raises(TypeError, match="name"):
            found["Derived"]()
        with pytest.raises(dataclasses.FrozenInstanceError):
            found["Frozen"](1).first = 2
        found["Empty"]()


def test_annotations_stay(both: tuple[dict[str, Any], dict[str, Any]]) -> None:
    before, after = both
    for name in ("Base", "Derived", "Plain", "Frozen", "Empty"):
        assert typing.get_type_hints(after[name], after) == {
            one: hint
            for one, hint in typing.get_type_hints(before[name], before).items()
            if one != "LIMIT"
        }


def test_what_is_assigned_is_written_in_place_of_empty_lines() -> None:
    lines = SOURCE.splitlines()
    after = written_out(SOURCE, dataclasses_of(SOURCE)).splitlines()
    changed = [before for before, line in zip(lines, after, strict=False) if before != line]
    assert set(changed) == {"", "from __future__ import annotations"}
    assert sum("def __init__" in line for line in after) == 3


def test_no_line_of_the_server_moves() -> None:
    paths = [path for path in PACKAGE.rglob("*.py") if is_compiled(str(path.relative_to(PACKAGE)))]
    texts = {path: path.read_text() for path in paths}
    known = {name: one for text in texts.values() for name, one in dataclasses_of(text).items()}
    for path, text in texts.items():
        after = written_out(text, known).splitlines()
        for number, line in enumerate(text.splitlines()):
            if line and line != "from __future__ import annotations":
                assert after[number] == line, f"{path}:{number + 1}"


def test_each_pattern_is_of_files_that_are_there() -> None:
    names = [str(path.relative_to(PACKAGE)) for path in PACKAGE.rglob("*.py")]
    for pattern in (*COMPILED, *INTERPRETED):
        assert any(Path(name).match(pattern) for name in names), pattern
    assert is_compiled("engine/turn.py")
    assert not is_compiled("engine/decider.py")
    assert not is_compiled("cli/main.py")


def test_no_number_may_also_be_a_member_of_an_enum() -> None:
    """Of `int | SomeIntEnum` mypyc makes a plain number, and whoever asks which it is errs."""
    trees = {path: ast.parse(path.read_text()) for path in PACKAGE.rglob("*.py")}
    nodes = [(path, node) for path, tree in trees.items() for node in ast.walk(tree)]
    enums = {
        node.name
        for _, node in nodes
        if isinstance(node, ast.ClassDef) and "enum.IntEnum" in map(ast.unparse, node.bases)
    }
    assert "RetryState" in enums
    for path, node in nodes:
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            parts = set(ast.unparse(node).split(" | "))
            mixed = parts & {"int", "Instant", "Duration"} and parts & enums
            assert not mixed, f"{path}:{node.lineno}: {ast.unparse(node)}"
