"""`treadle runs watch` and `runs get` for state machines: where the machine is, how it came there,
what it does.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from tests.cli import sample_run
from tests.cli.conftest import Treadle
from tests.cli.scripted_server import ScriptedServer
from tests.cli.test_watch import on_a_terminal, watching
from treadle.v1 import event_pb2 as pb
from treadle.v1 import payload_pb2
from treadle.v1 import run_service_pb2 as runs_pb
from treadle_server.cli.events import describe
from treadle_server.cli.progress import RunProgress, from_description
from treadle_server.cli.progress_view import machine, tree
from treadle_server.cli.screen import plain_table
from treadle_server.cli.states import Look
from treadle_server.cli.wording import Wording

START = sample_run.BEGIN.timestamp()
WAY = "pending on pay -> processing"


def taken(transition: str = "", *, active: Sequence[str] = (), **more: Any) -> pb.TransitionTaken:
    """A transition; settled if it says what is active then."""
    message = pb.TransitionTaken(
        cause=pb.TRANSITION_CAUSE_EVENT, settled=bool(active), active=active, **more
    )
    message.transitions.extend([transition] if transition else [])
    return message


def order(*, ends: bool = True) -> list[pb.Event]:
    """From pending by a payment that takes two attempts to processing, which sleeps and ends."""
    log, key = sample_run.EventLog(), "pending/2/action0"
    log.add(0, run_started=pb.RunStarted(workflow="order", version=1, workflow_id="order-17"))
    start = pb.TransitionTaken(
        number=1, cause=pb.TRANSITION_CAUSE_START, entered=["pending"], settled=True,
        active=["pending"],
    )  # fmt: skip
    log.add(0, transition_taken=start)
    log.add(1000, event_received=pb.EventReceived(name="pay", payload=sample_run.payload(7)))
    log.add(1000, transition_taken=taken(WAY, entered=["processing"]))
    log.schedule(1000, key, max_attempts=3)
    log.events[-1].activity_scheduled.type = "charge"
    log.start(1001, key)
    failed = pb.AttemptFailed(
        key=key, attempt=1, failure=sample_run.failure("Down", "503"), next_time=sample_run.at(2000)
    )
    log.add(1100, attempt_failed=failed)
    log.start(2000, key, attempt=2)
    if ends:
        log.complete(2100, key, {"id": "p-1"}, attempt=2)
        sent = pb.EventSent(key="pending/2/action1", name="paid", workflow_id="shop")
        log.add(2100, event_sent=sent)
        log.add(2100, configuration_settled=pb.ConfigurationSettled(
            active=["processing"], moved=True
        ))  # fmt: skip
        due = sample_run.at(62_100)
        log.add(2100, timer_started=pb.TimerStarted(key="processing/2/after0", due_time=due))
    return log.events


def folded(events: Sequence[pb.Event]) -> RunProgress:
    progress = RunProgress()
    for event in events:
        progress.apply(event)
    return progress


def view(progress: RunProgress, milliseconds: float) -> list[str]:
    now = START + milliseconds / 1000
    return plain_table(machine(progress, now)) + plain_table(tree(progress, now, 20))


def test_a_transition_under_way() -> None:
    """The machine is where it was until all is done."""
    progress = folded(order(ends=False))
    assert view(progress, 2060) == [
        "  in state  pending",
        "  ✓ begins in pending             2.1s ago",
        "  ● pending on pay -> processing  1.1s ago",
        "└─ ● pending/2/action0 charge  running  60ms  attempt 2 of 3 on shop-1/4711  Down: 503",
    ]


def test_a_transition_that_is_done() -> None:
    progress = folded(order())
    assert progress.machine is not None
    assert progress.machine.active == ("processing",)
    assert view(progress, 2100) == [
        "  in state  processing",
        "  ✓ begins in pending             2.1s ago",
        "  ✓ pending on pay -> processing  1.1s ago",
        "├─ ✓ pending/2/action0 charge     completed  1.1s  at attempt 2",
        "├─ ✓ pending/2/action1 send paid  completed",
        "└─ ● processing/2/after0 timer    running     0ms  for 1m 00s more",
    ]


def test_a_transition_that_failed_left_the_machine_where_it_was() -> None:
    log = sample_run.EventLog()
    log.add(0, transition_taken=taken("a on go -> b"))
    log.add(1, configuration_settled=pb.ConfigurationSettled(active=["a"], failed=True))
    log.add(2, run_failed=pb.RunFailed(failure=sample_run.failure("Down", "503"), node="a/2/exit0"))

    assert view(folded(log.events), 5) == ["  in state  a", "  ✗ a on go -> b"]


def test_of_many_transitions_the_last_are_shown() -> None:
    log = sample_run.EventLog()
    log.schedule(0, "a/1/task")
    for number in range(2, 30):
        log.add(number, transition_taken=taken(f"way {number}", active=["p", "a"]))
        log.schedule(number, f"p/{number}/entry0")
        log.complete(number, f"p/{number}/entry0", None)
    progress = folded(log.events)

    assert progress.machine is not None
    assert [move.words for move in progress.machine.moves] == [
        "way 25", "way 26", "way 27", "way 28", "way 29",
    ]  # fmt: skip
    # What is open comes first, however long ago it began; most of what is done is but counted.
    assert [node.key for node in progress.shown(20)] == [
        "a/1/task", "p/24/entry0", "p/25/entry0", "p/26/entry0", "p/27/entry0", "p/28/entry0",
        "p/29/entry0",
    ]  # fmt: skip
    assert [node.key for node in progress.shown(2)] == ["a/1/task", "p/29/entry0"]
    assert view(progress, 40)[-1].split() == [
        "└─", "and", "22", "more", "1", "ready,", "28", "completed",
    ]  # fmt: skip


def words(**kind: Any) -> str:
    log = sample_run.EventLog()
    log.add(0, **kind)
    return describe(log.events[0], Wording()).details


def test_events_in_words() -> None:
    assert words(transition_taken=taken("a on x -> b")) == "a on x -> b"
    several = taken("a on x -> b", active=["p", "b"])
    several.transitions.append("c on x -> d")
    several.cause = pb.TRANSITION_CAUSE_RAISED
    assert words(transition_taken=several) == (
        "a on x -> b; c on x -> d, raised by the machine itself, now in p, b"
    )
    settled = pb.ConfigurationSettled
    assert words(configuration_settled=settled(active=["a", "b"], moved=True)) == "now in a, b"
    failed = settled(active=["a"], moved=True, failed=True)
    assert words(configuration_settled=failed) == "failed, now in a"
    failed.moved = False
    assert words(configuration_settled=failed) == "failed, still in a"
    assert words(event_ignored=pb.EventIgnored(name="x")) == "x: nothing here waits for it"
    late = pb.EventIgnored(name="after0", key="a/1/after0")
    assert words(event_ignored=late) == "nothing here waits for its outcome"
    raised = pb.EventRaised(name="done.p", payload=sample_run.payload(None))
    assert words(event_raised=raised) == "done.p"
    raised.payload.CopyFrom(sample_run.payload({"a": 1}))
    assert words(event_raised=raised) == 'done.p, {"a": 1}'
    assert words(state_recorded=pb.StateRecorded()) == ""
    recorded = pb.StateRecorded(keeps_from=5001)
    assert words(state_recorded=recorded) == "what came before event 5,001 is not kept"
    assert words(group_closed=pb.GroupClosed(reason="duration")) == "the time is up"


def test_memory_is_told_by_its_keys_and_in_full_with_values() -> None:
    log = sample_run.EventLog()
    operations = [
        payload_pb2.MemoryOperation(key="id", set=sample_run.payload("o-1")),
        payload_pb2.MemoryOperation(key="old", delete=True),
    ]
    log.add(0, memory_changed=pb.MemoryChanged(operations=operations))
    assert describe(log.events[0], Wording()).details == "id, old"
    assert describe(log.events[0], Wording(width=None)).details == 'id = "o-1", old'


def described(**more: Any) -> runs_pb.GetRunResponse:
    answer = runs_pb.GetRunResponse(
        run=sample_run.run_message(), active_states=["work", "packing", "paying"], **more
    )
    answer.pending_timers.add(key="packing/2/after0", due_time=sample_run.at(60_000))
    answer.pending_children.add(key="paying/2/task", workflow="payment", started=True)
    answer.pending_activities.add(
        key="packing/2/task", type="pack", queue="default", attempt=1,
        state=runs_pb.ACTIVITY_STATE_RUNNING, identity=sample_run.WORKER,
        scheduled_time=sample_run.at(5), started_time=sample_run.at(10),
    )  # fmt: skip
    return answer


def test_a_cut_history_says_nothing_of_what_began_before() -> None:
    progress = from_description(described())
    progress.expect_waits(described())
    progress.apply(pb.Event(seq=5001, time=sample_run.at(70), state_recorded=pb.StateRecorded()))

    assert (progress.workflow, progress.look) == ("order_processing", Look.RUNNING)
    assert view(progress, 1010) == [
        "  in state  work, packing, paying",
        "├─ ● packing/2/after0 timer  running        for 59.0s more",
        "├─ ● paying/2/task workflow  running",
        "└─ ● packing/2/task pack     running  1.0s  attempt 1 on shop-1/4711",
    ]


def test_get_says_where_a_machine_is(server: ScriptedServer, treadle: Treadle) -> None:
    server.answers["GetRun"] = described(accepted_events=["cancel", "pay"])

    shown = treadle("runs", "get", "order-17").stdout

    assert re.search(r"^  in state +work, packing, paying$", shown, re.MULTILINE)
    assert re.search(r"^  accepts +cancel, pay$", shown, re.MULTILINE)
    assert "└─ ● packing/2/task pack  running" in shown


def test_lines_name_every_event_of_a_machine(server: ScriptedServer, treadle: Treadle) -> None:
    watching(server, order())
    server.answers["GetRun"] = described()

    lines = treadle("runs", "watch", "order-17", "--utc").stdout.splitlines()

    assert lines[1] == "09:26:53.589  TransitionTaken         begins in pending"
    assert lines[3] == f"09:26:54.589  TransitionTaken         {WAY}"
    assert lines[-2] == "09:26:55.689  ConfigurationSettled    now in processing"


def test_a_terminal_shows_where_a_machine_is(server: ScriptedServer) -> None:
    log = order()
    end = pb.Event(seq=len(log) + 1, time=sample_run.at(3000))
    end.run_completed.output.CopyFrom(sample_run.payload(None))
    watching(server, [*log, end])
    server.answers["GetRun"] = described()

    code, written = on_a_terminal(server, "runs", "watch", "order-17")

    assert code == 0
    last_frame = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", written.rsplit("\x1b[2K", 1)[-1])
    lines = [line.rstrip() for line in last_frame.replace("\r", "").splitlines()]
    # The tree's last lines are what the sample's description knows beside its events.
    assert lines[:4] == [
        "✓ order v1  completed  3.0s  order-17",
        "  in state  processing",
        "  ✓ begins in pending",
        "  ✓ pending on pay -> processing",
    ]
    assert any(re.match(r"├─ ✓ pending/2/action0 charge +completed +1\.1s", one) for one in lines)
    assert all(len(line) <= 100 for line in lines)
