"""Commands as a person types them, against a server that answers from a script."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from click.testing import CliRunner, Result

from tests.cli.scripted_server import ScriptedServer, scripted_server
from treadle_server.cli.main import cli

Treadle = Callable[..., Result]


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with scripted_server() as server:
        yield server


@pytest.fixture
def treadle(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> Treadle:
    """Runs a command line with the scripted server's address in the environment."""
    monkeypatch.setenv("TREADLE_ADDRESS", server.address)

    def run(*arguments: str, stdin: str | None = None) -> Result:
        result = CliRunner().invoke(cli, arguments, input=stdin, prog_name="treadle")
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return run
