"""Reports of code are checked whole, what they say of the end included."""

from __future__ import annotations

import pytest

from treadle.v1.decision_pb2 import DecisionCommand, DecisionReport, ScheduleActivityCommand
from treadle.v1.payload_pb2 import RetryPolicy
from treadle_server.api.errors import RequestInvalid
from treadle_server.api.reports import MAX_COMMANDS, decision_report
from treadle_server.engine.commands import ScheduleActivity

MAIL = DecisionCommand(
    description="activity mail", schedule_activity=ScheduleActivityCommand(type="mail")
)


def test_commands_of_the_end_are_numbered_on() -> None:
    report = decision_report(DecisionReport(first_index=3, commands=[MAIL], ending=[MAIL]), "x")
    [one], [last] = report.commands, report.ending
    assert isinstance(one.command, ScheduleActivity)
    assert isinstance(last.command, ScheduleActivity)
    assert (one.command.key, last.command.key) == ("c3", "c4")


@pytest.mark.parametrize("field", ["commands", "ending"])
def test_too_many_commands_are_refused(field: str) -> None:
    message = DecisionReport(**{field: [MAIL] * (MAX_COMMANDS + 1)})  # type: ignore[arg-type]
    with pytest.raises(RequestInvalid) as refused:
        decision_report(message, "results[0].decided")
    assert f"results[0].decided.{field}" in str(refused.value)


@pytest.mark.parametrize("field", ["commands", "ending"])
def test_a_command_without_a_kind_is_refused_by_its_place(field: str) -> None:
    message = DecisionReport(**{field: [MAIL, DecisionCommand()]})  # type: ignore[arg-type]
    with pytest.raises(RequestInvalid) as refused:
        decision_report(message, "results[0].decided")
    assert f"results[0].decided.{field}[1]" in str(refused.value)


@pytest.mark.parametrize("field", ["initial_interval", "increment", "max_interval"])
@pytest.mark.parametrize("seconds", [2**60, -1])
def test_intervals_that_no_journal_could_hold_are_refused(field: str, seconds: int) -> None:
    """Committed, such a time would stop the server: an INTEGER has 64 bits."""
    policy = RetryPolicy(max_attempts=2)
    getattr(policy, field).seconds = seconds
    with pytest.raises(RequestInvalid) as refused:
        decision_report(DecisionReport(commands=[retried(policy)]), "x")
    assert f"commands[0].schedule_activity.retry.{field}" in str(refused.value)


@pytest.mark.parametrize("coefficient", [float("nan"), float("inf"), -1.0, 1e300])
def test_a_coefficient_must_be_a_number_to_count_with(coefficient: float) -> None:
    policy = RetryPolicy(max_attempts=2, coefficient=coefficient)
    with pytest.raises(RequestInvalid) as refused:
        decision_report(DecisionReport(commands=[retried(policy)]), "x")
    assert "retry.coefficient" in str(refused.value)


def retried(policy: RetryPolicy) -> DecisionCommand:
    schedule = ScheduleActivityCommand(type="mail", retry=policy)
    return DecisionCommand(description="activity mail", schedule_activity=schedule)
