"""A skipped test is counted with its reason, and fails the session where that is asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

# Text, for a session of its own: none of these is a test of this suite, and none of its skips or
# expected failures stands for work that is left. Without them the counting could not be seen.
TESTS = """
import pytest

def test_runs(): pass

def test_needs_a_program(tool): tool("no-such-program")

@pytest.mark.skip(reason="because")  # so that the count of skips has something to see
def test_marked(): pass

@pytest.mark.xfail(reason="known")  # so that it is seen not to be counted as skipped
def test_expected_to_fail(): raise RuntimeError
"""


@pytest.fixture
def inner(pytester: pytest.Pytester) -> pytest.Pytester:
    """A folder with our conftest and the tests above; nothing of this session's environment."""
    pytester.makeconftest((Path(__file__).parents[1] / "conftest.py").read_text())
    pytester.makepyfile(TESTS)
    return pytester


def test_counted(inner: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TREADLE_REQUIRE_TOOLS", raising=False)
    result = inner.runpytest_subprocess()
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["*not run, and why*", "*1 skipped: no-such-program is missing*"])
    result.stdout.fnmatch_lines(["*1 skipped: because"])


@pytest.mark.parametrize("by", ["option", "environment"])
def test_forbidden(inner: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, by: str) -> None:
    monkeypatch.setenv("TREADLE_REQUIRE_TOOLS", "1" if by == "environment" else "0")
    result = inner.runpytest_subprocess(*(["--no-skips"] if by == "option" else []))
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*not run, which this session forbids*"])


def test_nothing_skipped(inner: pytest.Pytester) -> None:
    result = inner.runpytest_subprocess("--no-skips", "-k", "test_runs or test_expected")
    assert result.ret == pytest.ExitCode.OK
    result.assert_outcomes(passed=1, xfailed=1, deselected=2)
