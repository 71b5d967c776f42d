"""`make codec` refuses what would not fit its message, and the codec is what it writes now."""

from __future__ import annotations

import enum
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tools.codec_source import VALUES, main, source
from treadle.v1 import event_pb2, payload_pb2
from treadle_server.engine.events import EVENT_TYPES, Event
from treadle_server.engine.values import Payload

CODEC = Path(__file__).parents[2] / "server/treadle_server/journal/codec_functions.py"


def test_the_codec_is_current(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = tmp_path / "codec_functions.py"
    old.write_text(source(VALUES, EVENT_TYPES, event_pb2.Event).replace("texts_1", "texts_2"))
    command = ["codec_source.py", "--check"]
    monkeypatch.setattr(sys, "argv", [*command, str(CODEC)])
    assert main() == 0
    monkeypatch.setattr(sys, "argv", [*command, str(old)])
    assert main() == 1


@dataclass
class CompareAndSetWithoutExpected:
    value: Payload


@dataclass
class CompareAndSetOfText:
    value: str
    expected: Payload | None = None


@dataclass
class CompareAndSetThatMayLackNothing:
    value: tuple[Payload, ...]
    expected: Payload | None = None


class BackoffWithOtherNumbers(enum.IntEnum):
    UNSPECIFIED = 0
    FIXED = 2
    LINEAR = 1
    EXPONENTIAL = 3


@dataclass
class RetryPolicyOfOtherNumbers:
    max_attempts: int
    initial_interval: int
    backoff: BackoffWithOtherNumbers
    coefficient: float
    increment: int
    max_interval: int
    jitter: float
    retry_on: tuple[str, ...]
    non_retryable_kinds: tuple[str, ...]


@dataclass
class PayloadThatMayLackData:
    metadata: Mapping[str, bytes]
    data: bytes | None


@pytest.mark.parametrize(
    ("cls", "message", "complaint"),
    [
        (
            CompareAndSetWithoutExpected,
            payload_pb2.CompareAndSet,
            r"without a counterpart.*expected",
        ),
        (CompareAndSetOfText, payload_pb2.CompareAndSet, r"OfText\.value: str"),
        (CompareAndSetThatMayLackNothing, payload_pb2.CompareAndSet, r"value: a tuple"),
        (RetryPolicyOfOtherNumbers, payload_pb2.RetryPolicy, "names or numbers differ"),
        (PayloadThatMayLackData, payload_pb2.Payload, r"data may be None"),
    ],
)
def test_a_class_that_disagrees_with_its_message_is_refused(
    cls: type, message: Any, complaint: str
) -> None:
    known: dict[type, Any] = {} if cls is PayloadThatMayLackData else {Payload: payload_pb2.Payload}
    with pytest.raises(TypeError, match=complaint):
        source({**known, cls: message}, EVENT_TYPES, event_pb2.Event)


def test_an_event_without_a_message_is_refused() -> None:
    @dataclass
    class RunForgotten(Event):
        pass

    with pytest.raises(TypeError, match="RunForgotten"):
        source({}, [*EVENT_TYPES, RunForgotten], event_pb2.Event)
    with pytest.raises(TypeError, match="RunStarted"):
        source({}, EVENT_TYPES[1:], event_pb2.Event)
