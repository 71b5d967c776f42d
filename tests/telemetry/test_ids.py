"""Ids are derived: the same for ever, different for what is different."""

from __future__ import annotations

import random
from hashlib import blake2b
from itertools import product

import pytest

from treadle_server.telemetry import ids
from treadle_server.telemetry.ids import Role, TraceContext

RUN_ID = bytes(range(16))
OTHER_RUN_ID = bytes(range(1, 17))


def test_a_trace_has_the_bytes_of_its_run() -> None:
    assert ids.trace_id(RUN_ID).hex() == "000102030405060708090a0b0c0d0e0f"


def test_ids_are_what_was_published() -> None:
    """Spans of runs that are open over an upgrade, and tasks on their way, hold such ids."""
    seq_seven_role_three = blake2b(RUN_ID + b"\0\0\0\0\0\0\0\x07" + b"\x03").digest()[:8]
    assert ids.span_id(RUN_ID, 7, Role.QUEUE_WAIT) == seq_seven_role_three
    lease_nine = blake2b(RUN_ID + "größe".encode() + b"\0\0\0\0\0\0\0\x09" + b"\x02").digest()[:8]
    assert ids.attempt_span_id(RUN_ID, "größe", 9) == lease_nine
    assert ids.anchor_span_id(RUN_ID).hex() == "0ff1261e1e00f5e8"


def test_ids_of_different_things_differ() -> None:
    runs = (RUN_ID, OTHER_RUN_ID)
    by_seq = [
        ids.span_id(run, seq, role)
        for run, seq, role in product(runs, (1, 2, 256), Role)
        if role is not Role.ATTEMPT
    ]
    by_lease = [
        ids.attempt_span_id(run, key, lease)
        for run, key, lease in product(runs, ("a", "b", "ab", ""), (1, 2, 97))
    ]
    assert len(set(by_seq)) == 2 * 3 * 5
    assert len({*by_seq, *by_lease}) == 2 * 3 * 5 + 2 * 4 * 3


def test_a_task_carries_its_attempts_span() -> None:
    header = ids.traceparent(RUN_ID, "charge", 3)
    assert ids.parse_traceparent(header) == TraceContext(
        RUN_ID, ids.attempt_span_id(RUN_ID, "charge", 3), flags=1
    )
    assert ids.traceparent(RUN_ID, "charge", 3, sampled=False) == header[:-2] + "00"


@pytest.mark.parametrize(
    "header",
    [
        "",
        "nonsense",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\n",
    ],
)
def test_what_is_no_header_has_no_context(header: str) -> None:
    assert ids.parse_traceparent(header) is None


def test_a_later_version_of_the_header_is_read_as_far_as_known() -> None:
    header = "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03-more"
    context = ids.parse_traceparent(header)
    assert context is not None
    assert context.flags == 3


@pytest.mark.parametrize("ratio", [0.1, 0.4, 0.9])
def test_sampling_keeps_the_ratio_of_run_ids(ratio: float) -> None:
    """With a UUID's fixed bits, which the SDK's own sampler would judge by."""
    generator = random.Random(7)
    runs = []
    for _ in range(4000):
        run = bytearray(generator.randbytes(16))
        run[6], run[8] = 0x70 | run[6] & 0x0F, 0x80 | run[8] & 0x3F
        runs.append(bytes(run))
    kept = {run for run in runs if ids.is_sampled(run, ratio)}
    assert abs(len(kept) / len(runs) - ratio) < 0.05
    # Whoever keeps fewer keeps some of the same: traces stay whole across services.
    assert all(ids.is_sampled(run, min(1.0, ratio + 0.1)) for run in kept)


def test_sampling_at_its_ends() -> None:
    for run in (b"\0" * 16, b"\xff" * 16, RUN_ID):
        assert ids.is_sampled(run, 1.0)
        assert not ids.is_sampled(run, 0.0)
