"""What all tests share: the programs that `make tools` builds, and the counting of skips.

A test that needs a program which is not there is skipped with its reason; the summary counts the
skips by reason. With `--no-skips`, or TREADLE_REQUIRE_TOOLS=1 as .ci/run sets it, one skip fails
the session: there, a test that did not run has proved nothing.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest
import structlog


def tools_folder() -> Path:
    """Where `make tools` puts what it builds (tools/build_tools.sh has the same rule)."""
    if chosen := os.environ.get("TREADLE_TOOLS"):
        return Path(chosen)
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "treadle" / "tools"


@pytest.fixture(scope="session")
def tool() -> Callable[[str], Path]:
    """Finds a program, `tool("grpcurl")`: the one `make tools` built, else from PATH, else skip."""

    def find(name: str) -> Path:
        built = tools_folder() / name
        if os.access(built, os.X_OK):
            return built
        if found := shutil.which(name):
            return Path(found)
        pytest.skip(f"{name} is missing: `make tools` builds it")

    return find


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--no-skips",
        action="store_true",
        default=os.environ.get("TREADLE_REQUIRE_TOOLS") == "1",
        help="fail if any test was skipped (also: TREADLE_REQUIRE_TOOLS=1)",
    )


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    """A command run in this process sets up logging for all of it; undone after the test."""
    yield
    structlog.reset_defaults()


def pytest_configure(config: pytest.Config) -> None:
    # How long an example takes says how busy the machine is.
    hypothesis.settings.register_profile(
        "treadle", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
    )
    hypothesis.settings.load_profile("treadle")
    config.pluginmanager.register(Skips(forbidden=config.getoption("no_skips")))


class Skips:
    """Counts what did not run, by reason; an expected failure (`xfail`) did run."""

    def __init__(self, *, forbidden: bool) -> None:
        self.forbidden = forbidden
        self.reasons: Counter[str] = Counter()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._count(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self._count(report)

    def _count(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        if report.skipped and not hasattr(report, "wasxfail"):
            where = report.longrepr
            reason = where[2] if isinstance(where, tuple) else str(where)
            self.reasons[reason.removeprefix("Skipped: ")] += 1

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.forbidden and self.reasons and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if not self.reasons:
            return
        title = "not run, which this session forbids" if self.forbidden else "not run, and why"
        terminalreporter.section(title, red=self.forbidden, yellow=not self.forbidden)
        for reason, count in self.reasons.most_common():
            terminalreporter.write_line(f"{count:5} skipped: {reason}")
