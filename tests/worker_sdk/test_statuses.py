"""The server's reasons become classes that a caller can catch; a transport's words go nowhere."""

from __future__ import annotations

import grpc
import pytest

from treadle import errors
from treadle._client import statuses
from treadle_server.api.errors import DETAILS_KEY, Described
from treadle_server.engine.errors import Refusal
from treadle_server.runs import errors as refusals


@pytest.mark.parametrize(
    ("refusal", "expected"),
    [
        (refusals.RunNotFound("no run"), errors.RunNotFound),
        (refusals.DefinitionNotFound("no workflow"), errors.DefinitionNotFound),
        (refusals.Stopping("stopping"), errors.ServerStopping),
        (refusals.Busy("busy"), errors.ServerBusy),
        (refusals.RunOpen("open"), errors.Conflict),
    ],
)
def test_each_reason_has_its_class(refusal: Refusal, expected: type[errors.RequestError]) -> None:
    described = Described(refusal)
    details = described.status().SerializeToString()
    error = statuses.from_call(
        described.code, described.message, [(DETAILS_KEY, details)], address="here"
    )
    assert type(error) is expected
    assert (str(error), error.reason) == (refusal.message, refusal.reason)


def test_nobody_hears_the_transports_own_words() -> None:
    text = "ipv4:127.0.0.1:7400: Failed to connect to remote host: connect: (111)"
    error = statuses.from_call(grpc.StatusCode.UNAVAILABLE, text, [], address="127.0.0.1:7400")
    assert type(error) is errors.ServerUnavailable
    assert str(error) == "no server answers at 127.0.0.1:7400"
