"""What the guard puts in place of clocks and chance: for everybody but workflow code it is what it
was.
"""

from __future__ import annotations

import copy
import gc
import inspect
import io
import os
import pdb  # noqa: T100 - what is tested
import pickle
import random
import secrets
import sys
import tempfile
import time
import uuid
import warnings
import zoneinfo
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from treadle import Workflow, workflow
from treadle._code import guard
from treadle._code.replayer import Replayer
from treadle._code.run import RunInfo
from treadle.errors import NotDeterministic
from treadle.v1 import event_pb2

guard.install()

GUARDED: list[Callable[..., Any]] = [
    *(time.time, time.sleep, random.random, random.randint, random.seed),
    *(uuid.uuid4, os.urandom, secrets.choice, secrets.randbits, secrets.token_hex),
]

MODULE = """
import os, random, time
SEED, STARTED, KEY = random.random(), time.time(), os.urandom(4)
"""


def fed(code: Workflow[..., Any]) -> list[str | None]:
    """The commands, and the failures among them."""
    replayer = Replayer(code, RunInfo("run", "workflow id", code.name, 1))
    started = event_pb2.RunStarted(workflow=code.name, version=1)
    replayer.feed([event_pb2.Event(seq=1, run_started=started)])
    commands = replayer.take().commands
    return [
        one.fail_run.failure.kind if one.HasField("fail_run") else one.WhichOneof("command")
        for one in commands
    ]


@pytest.mark.parametrize("function", GUARDED, ids=repr)
def test_what_is_guarded_is_copied_and_pickled_by_its_name(function: Callable[..., Any]) -> None:
    assert pickle.loads(pickle.dumps(function)) is function
    assert copy.deepcopy({"clock": function})["clock"] is function


def test_what_is_guarded_becomes_no_method() -> None:
    """Functions in C do not, and so are made the attributes of classes."""

    class Watch:
        clock, wait, chance = time.monotonic, time.sleep, random.random

    watch: Any = Watch()
    assert watch.clock() > 0
    watch.wait(0)
    assert 0 <= watch.chance() < 1


def test_what_is_guarded_says_what_it_is() -> None:
    assert repr(time.monotonic) == "<built-in function monotonic>"
    assert str(inspect.signature(random.randint)) == "(a, b)"
    assert (time.sleep.__module__, time.sleep.__name__) == ("time", "sleep")


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a module that nobody has imported yet."""
    (tmp_path / "looks_at_clocks.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "looks_at_clocks", raising=False)
    return "looks_at_clocks"


def test_a_module_that_is_first_imported_in_workflow_code_may_look_at_the_clock(
    module: str,
) -> None:
    @workflow
    async def imports(given: None) -> None:
        __import__(module)

    assert fed(imports) == ["complete_run"]


class Holds:
    """Is let go of when Python looks for cycles, in the midst of whatever runs then."""

    def __init__(self, last: Callable[[], object]) -> None:
        self.itself, self.last = self, last


class HoldsAndSays(Holds):
    def __del__(self) -> None:
        self.last()


def test_what_is_let_go_of_while_workflow_code_runs_is_none_of_its_code(tmp_path: Path) -> None:
    """Objects of others clean up after themselves: close, remove, look at the clock."""
    said: list[object] = []
    refused: list[object] = []

    def look(_phase: str, _details: object) -> None:
        said.append(time.perf_counter())

    @workflow
    async def lets_go(given: None) -> None:
        gc.collect()

    left = tempfile.TemporaryDirectory(dir=tmp_path, ignore_cleanup_errors=False)
    (Path(left.name) / "file").write_text("")
    Holds(left.name.encode).kept = left  # type: ignore[attr-defined]
    del left
    HoldsAndSays(lambda: said.append(time.time()))
    before, sys.unraisablehook = sys.unraisablehook, refused.append
    gc.callbacks.append(look)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            assert fed(lets_go) == ["complete_run"]
    finally:
        gc.callbacks.remove(look)
        sys.unraisablehook = before
    assert not refused
    assert len(said) >= 3
    assert not list(tmp_path.iterdir())


def test_time_zones_are_not_of_the_world_outside() -> None:
    @workflow
    async def looks_up(given: None) -> str:
        zoneinfo.ZoneInfo.clear_cache()
        return str(workflow.now().astimezone(zoneinfo.ZoneInfo("Asia/Tokyo")).date())

    assert fed(looks_up) == ["complete_run"]


def test_a_debugger_may_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    """`treadle replay --debug` says that `breakpoint()` works."""

    @workflow
    async def stops(given: None) -> None:
        # As `breakpoint()` does, outside of tests.
        pdb.Pdb(stdin=io.StringIO("where\ncontinue\n"), stdout=io.StringIO()).set_trace()

    monkeypatch.setattr(sys, "stdin", io.StringIO())
    try:
        assert fed(stops) == ["complete_run"]
    finally:
        sys.settrace(None)


def test_code_that_lies_where_importlib_is_part_of_the_name_is_looked_at(tmp_path: Path) -> None:
    names: dict[str, Any] = {}
    source = f"async def reads(given):\n    open({str(tmp_path / 'data')!r}, 'w')\n"
    exec(compile(source, "importlib_shop/workflows.py", "exec"), names)
    assert fed(workflow(names["reads"])) == [NotDeterministic.__name__]
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("module", ["pdb_proteins.workflows", "zoneinfo_shop", "importlib_shop"])
def test_a_module_is_known_by_its_whole_name(tmp_path: Path, module: str) -> None:
    names: dict[str, Any] = {"__name__": module}
    source = f"async def reads(given):\n    open({str(tmp_path / 'data')!r}, 'w')\n"
    exec(compile(source, "workflows.py", "exec"), names)
    assert fed(workflow(names["reads"])) == [NotDeterministic.__name__]
    assert not (tmp_path / "data").exists()


def test_code_is_looked_at_while_the_program_is_imported(tmp_path: Path) -> None:
    """A program may be a module whose import runs a worker."""

    @workflow
    async def asks(given: None) -> None:
        (tmp_path / "data").write_text("")

    program: Any = sys
    program.asks, program.fed = asks, fed
    (tmp_path / "program.py").write_text("import sys\nFOUND = sys.fed(sys.asks)\n")
    sys.path.insert(0, str(tmp_path))
    try:
        found = __import__("program").FOUND
    finally:
        sys.path.remove(str(tmp_path))
        del sys.modules["program"], program.asks, program.fed
    assert found == [NotDeterministic.__name__]
