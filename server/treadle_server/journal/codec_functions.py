"""The bytes of each event, and of what is in it: see `codec` and `wire`.

Written by `make codec` (tools/codec_source.py); not to be edited.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from treadle_server.engine.events.activity import (
    ActivityCancelRequested,
    ActivityCancelled,
    ActivityCompleted,
    ActivityFailed,
    ActivityOverridden,
    ActivityRequeued,
    ActivityScheduled,
    AttemptFailed,
    AttemptStarted,
)
from treadle_server.engine.events.code import (
    AttributeSet,
    DecisionCompleted,
    MarkerRecorded,
    UpdateAnswered,
    UpdateReceived,
)
from treadle_server.engine.events.graph import (
    CompensationEnded,
    CompensationRegistered,
    CompensationStarted,
    DecidedEdge,
    EdgesDecided,
    LoopTurned,
    MapEnded,
    MapStarted,
    NodeCompleted,
    NodeFailed,
    NodeSkipped,
    NodesUnreached,
)
from treadle_server.engine.events.group import (
    GroupClosed,
    GroupStarted,
)
from treadle_server.engine.events.machine import (
    ConfigurationSettled,
    EventIgnored,
    EventRaised,
    MemoryChanged,
    StateHistory,
    StateVisit,
    TransitionCause,
    TransitionTaken,
)
from treadle_server.engine.events.run import (
    CancelRequested,
    CarriedEvent,
    IncidentAnswered,
    RunCancelled,
    RunCompleted,
    RunContinued,
    RunFailed,
    RunHeld,
    RunPaused,
    RunResumed,
    RunStarted,
    RunTerminated,
    RunTimedOut,
    StateRecorded,
)
from treadle_server.engine.events.waiting import (
    ChildCancelRequested,
    ChildEnded,
    ChildRequested,
    ChildStarted,
    EventReceived,
    EventSent,
    TimerCancelled,
    TimerFired,
    TimerStarted,
    WaitCancelled,
    WaitSatisfied,
    WaitStarted,
    WaitTimedOut,
)
from treadle_server.engine.values import (
    Backoff,
    CancelCause,
    ChildEnd,
    CompareAndSet,
    Failure,
    Held,
    IncidentAnswer,
    MemoryOperation,
    NO_METADATA,
    ParentClosePolicy,
    Payload,
    RetryPolicy,
    RetryState,
    SeedOutcome,
    SkipReason,
    TimeoutKind,
)
from treadle_server.journal import wire
from treadle_server.journal.wire import CLOCKS, LENGTHS, CodecError, framed, unknown

join: Final = b"".join
doubles_4: Final = wire.Doubles(4, always=False)
doubles_4_always: Final = wire.Doubles(4, always=True)
doubles_7: Final = wire.Doubles(7, always=False)
numbers_10_32: Final = wire.Numbers(10, 32, always=False)
numbers_14_32: Final = wire.Numbers(14, 32, always=False)
numbers_1_32: Final = wire.Numbers(1, 32, always=False)
numbers_1_64: Final = wire.Numbers(1, 64, always=False)
numbers_2_32: Final = wire.Numbers(2, 32, always=False)
numbers_2_64: Final = wire.Numbers(2, 64, always=False)
numbers_3_32: Final = wire.Numbers(3, 32, always=False)
numbers_3_64: Final = wire.Numbers(3, 64, always=False)
numbers_4_32: Final = wire.Numbers(4, 32, always=False)
numbers_4_64: Final = wire.Numbers(4, 64, always=False)
numbers_5_32: Final = wire.Numbers(5, 32, always=False)
numbers_7_32: Final = wire.Numbers(7, 32, always=False)
numbers_8_32: Final = wire.Numbers(8, 32, always=False)
numbers_9_32: Final = wire.Numbers(9, 32, always=False)
texts_1: Final = wire.Texts(1, always=False)
texts_10: Final = wire.Texts(10, always=False)
texts_10_always: Final = wire.Texts(10, always=True)
texts_11: Final = wire.Texts(11, always=False)
texts_11_always: Final = wire.Texts(11, always=True)
texts_12: Final = wire.Texts(12, always=False)
texts_14: Final = wire.Texts(14, always=False)
texts_16: Final = wire.Texts(16, always=False)
texts_1_always: Final = wire.Texts(1, always=True)
texts_2: Final = wire.Texts(2, always=False)
texts_2_always: Final = wire.Texts(2, always=True)
texts_3: Final = wire.Texts(3, always=False)
texts_4: Final = wire.Texts(4, always=False)
texts_5: Final = wire.Texts(5, always=False)
texts_6: Final = wire.Texts(6, always=False)
texts_6_always: Final = wire.Texts(6, always=True)
texts_7: Final = wire.Texts(7, always=False)
texts_8: Final = wire.Texts(8, always=False)
texts_8_always: Final = wire.Texts(8, always=True)
texts_9: Final = wire.Texts(9, always=False)
texts_9_always: Final = wire.Texts(9, always=True)
Backoff_members: Final = {one.value: one for one in Backoff}
CancelCause_members: Final = {one.value: one for one in CancelCause}
ChildEnd_members: Final = {one.value: one for one in ChildEnd}
IncidentAnswer_members: Final = {one.value: one for one in IncidentAnswer}
ParentClosePolicy_members: Final = {one.value: one for one in ParentClosePolicy}
RetryState_members: Final = {one.value: one for one in RetryState}
SkipReason_members: Final = {one.value: one for one in SkipReason}
TimeoutKind_members: Final = {one.value: one for one in TimeoutKind}
TransitionCause_members: Final = {one.value: one for one in TransitionCause}


def encode_Payload(v: Payload) -> bytes:
    return join(
        (
            (wire.entries(b"\x0a", metadata_) if (metadata_ := v.metadata) else b""),
            (framed(b"\x12", v.data) if v.data else b""),
        )
    )


def decode_Payload(m: Any) -> Payload:
    data_ = m.data
    metadata_ = dict(m.metadata) if m.metadata else NO_METADATA
    return Payload(
        data=data_,
        metadata=metadata_,
    )


def encode_Failure(v: Failure, depth: int = 0) -> bytes:
    if depth > 64:
        raise CodecError('a Failure is nested deeper than 64; shorten the chain of its causes')
    return join(
        (
            texts_1[v.kind],
            texts_2[v.message],
            (framed(b"\x1a", encode_Payload(details_)) if (details_ := v.details) is not None else b""),
            (framed(b"\x22", encode_Failure(cause_, depth + 1)) if (cause_ := v.cause) is not None else b""),
            (b"\x28\x01" if v.non_retryable else b""),
            (b"\x32" + CLOCKS[next_delay_] if (next_delay_ := v.next_delay) is not None else b""),
            numbers_7_32[v.timeout_kind],
            texts_8[v.stack_trace],
        )
    )


def decode_Failure(m: Any) -> Failure:
    kind_ = m.kind
    message_ = m.message
    details_: Payload | None = None
    if m.HasField("details"):
        details_ = decode_Payload(m.details)
    cause_: Failure | None = None
    if m.HasField("cause"):
        cause_ = decode_Failure(m.cause)
    non_retryable_ = m.non_retryable
    next_delay_: int | None = None
    if m.HasField("next_delay"):
        t = m.next_delay
        next_delay_ = t.seconds * 1000000 + t.nanos // 1000
    timeout_kind_ = TimeoutKind_members.get(m.timeout_kind)
    if timeout_kind_ is None:
        raise unknown(TimeoutKind, m.timeout_kind)
    stack_trace_ = m.stack_trace
    return Failure(
        kind=kind_,
        message=message_,
        details=details_,
        cause=cause_,
        non_retryable=non_retryable_,
        next_delay=next_delay_,
        timeout_kind=timeout_kind_,
        stack_trace=stack_trace_,
    )


def encode_RetryPolicy(v: RetryPolicy) -> bytes:
    return join(
        (
            numbers_1_32[v.max_attempts],
            b"\x12" + CLOCKS[v.initial_interval],
            numbers_3_32[v.backoff],
            doubles_4[v.coefficient],
            b"\x2a" + CLOCKS[v.increment],
            b"\x32" + CLOCKS[v.max_interval],
            doubles_7[v.jitter],
            (join([texts_8_always[w] for w in retry_on_]) if (retry_on_ := v.retry_on) else b""),
            (join([texts_9_always[w] for w in non_retryable_kinds_]) if (non_retryable_kinds_ := v.non_retryable_kinds) else b""),
        )
    )


def decode_RetryPolicy(m: Any) -> RetryPolicy:
    max_attempts_ = m.max_attempts
    t = m.initial_interval
    initial_interval_ = t.seconds * 1000000 + t.nanos // 1000
    backoff_ = Backoff_members.get(m.backoff)
    if backoff_ is None:
        raise unknown(Backoff, m.backoff)
    coefficient_ = m.coefficient
    t = m.increment
    increment_ = t.seconds * 1000000 + t.nanos // 1000
    t = m.max_interval
    max_interval_ = t.seconds * 1000000 + t.nanos // 1000
    jitter_ = m.jitter
    retry_on_ = tuple(m.retry_on)
    non_retryable_kinds_ = tuple(m.non_retryable_kinds)
    return RetryPolicy(
        max_attempts=max_attempts_,
        initial_interval=initial_interval_,
        backoff=backoff_,
        coefficient=coefficient_,
        increment=increment_,
        max_interval=max_interval_,
        jitter=jitter_,
        retry_on=retry_on_,
        non_retryable_kinds=non_retryable_kinds_,
    )


def encode_CompareAndSet(v: CompareAndSet) -> bytes:
    return join(
        (
            (framed(b"\x0a", encode_Payload(expected_)) if (expected_ := v.expected) is not None else b""),
            framed(b"\x12", encode_Payload(v.value)),
        )
    )


def decode_CompareAndSet(m: Any) -> CompareAndSet:
    value_ = decode_Payload(m.value)
    expected_: Payload | None = None
    if m.HasField("expected"):
        expected_ = decode_Payload(m.expected)
    return CompareAndSet(
        value=value_,
        expected=expected_,
    )


def encode_MemoryOperation(v: MemoryOperation) -> bytes:
    return join(
        (
            texts_1[v.key],
            (framed(b"\x12", encode_Payload(set_)) if (set_ := v.set) is not None else b""),
            (b"\x18\x01" if v.delete else b""),
            (doubles_4_always[add_] if (add_ := v.add) is not None else b""),
            (framed(b"\x2a", encode_CompareAndSet(compare_and_set_)) if (compare_and_set_ := v.compare_and_set) is not None else b""),
        )
    )


def decode_MemoryOperation(m: Any) -> MemoryOperation:
    key_ = m.key
    set_: Payload | None = None
    if m.HasField("set"):
        set_ = decode_Payload(m.set)
    delete_ = m.delete
    add_: float | None = None
    if m.HasField("add"):
        add_ = m.add
    compare_and_set_: CompareAndSet | None = None
    if m.HasField("compare_and_set"):
        compare_and_set_ = decode_CompareAndSet(m.compare_and_set)
    return MemoryOperation(
        key=key_,
        set=set_,
        delete=delete_,
        add=add_,
        compare_and_set=compare_and_set_,
    )


def encode_DecidedEdge(v: DecidedEdge) -> bytes:
    return join(
        (
            numbers_1_32[v.edge],
            texts_2[v.to],
            (b"\x18\x01" if v.taken else b""),
        )
    )


def decode_DecidedEdge(m: Any) -> DecidedEdge:
    edge_ = m.edge
    to_ = m.to
    taken_ = m.taken
    return DecidedEdge(
        edge=edge_,
        to=to_,
        taken=taken_,
    )


def encode_CarriedEvent(v: CarriedEvent) -> bytes:
    return join(
        (
            texts_1[v.event_id],
            texts_2[v.name],
            framed(b"\x1a", encode_Payload(v.payload)),
        )
    )


def decode_CarriedEvent(m: Any) -> CarriedEvent:
    event_id_ = m.event_id
    name_ = m.name
    payload_ = decode_Payload(m.payload)
    return CarriedEvent(
        event_id=event_id_,
        name=name_,
        payload=payload_,
    )


def encode_SeedOutcome(v: SeedOutcome) -> bytes:
    return join(
        (
            texts_1[v.node],
            framed(b"\x12", encode_Payload(v.output)),
            (b"\x18\x01" if v.skipped else b""),
            texts_4[v.command],
            (b"\x28\x01" if v.open else b""),
        )
    )


def decode_SeedOutcome(m: Any) -> SeedOutcome:
    node_ = m.node
    output_ = decode_Payload(m.output)
    skipped_ = m.skipped
    command_ = m.command
    open_ = m.open
    return SeedOutcome(
        node=node_,
        output=output_,
        skipped=skipped_,
        command=command_,
        open=open_,
    )


def encode_StateVisit(v: StateVisit) -> bytes:
    return join(
        (
            texts_1[v.state],
            numbers_2_64[v.visit],
            b"\x1a" + CLOCKS[v.entered_time],
        )
    )


def decode_StateVisit(m: Any) -> StateVisit:
    state_ = m.state
    visit_ = m.visit
    t = m.entered_time
    entered_time_ = t.seconds * 1000000 + t.nanos // 1000
    return StateVisit(
        state=state_,
        visit=visit_,
        entered_time=entered_time_,
    )


def encode_StateHistory(v: StateHistory) -> bytes:
    return join(
        (
            texts_1[v.state],
            (join([texts_2_always[w] for w in remembered_]) if (remembered_ := v.remembered) else b""),
        )
    )


def decode_StateHistory(m: Any) -> StateHistory:
    state_ = m.state
    remembered_ = tuple(m.remembered)
    return StateHistory(
        state=state_,
        remembered=remembered_,
    )


def encode_Held(v: Held) -> bytes:
    return join(
        (
            texts_1[v.key],
            texts_2[v.incident],
            b"\x1a" + CLOCKS[v.since_time],
            numbers_4_32[v.incident_count],
        )
    )


def decode_Held(m: Any) -> Held:
    key_ = m.key
    incident_ = m.incident
    t = m.since_time
    since_time_ = t.seconds * 1000000 + t.nanos // 1000
    incident_count_ = m.incident_count
    return Held(
        key=key_,
        incident=incident_,
        since_time=since_time_,
        incident_count=incident_count_,
    )


def encode_RunStarted(v: RunStarted) -> bytes:
    m = join(
        (
            texts_1[v.workflow],
            numbers_2_64[v.version],
            texts_3[v.workflow_id],
            numbers_4_32[v.rules],
            framed(b"\x2a", encode_Payload(v.input)),
            (b"\x32" + CLOCKS[deadline_] if (deadline_ := v.deadline) is not None else b""),
            texts_7[v.traceparent],
            texts_8[v.actor],
            texts_9[v.request_id],
            (framed(b"\x52", v.parent_run_id) if v.parent_run_id else b""),
            texts_11[v.parent_key],
            (framed(b"\x62", v.retry_of) if v.retry_of else b""),
            (wire.messages(b"\x6a", encode_SeedOutcome, seed_) if (seed_ := v.seed) else b""),
            numbers_14_32[v.depth],
        )
    )
    return join((numbers_1_64[v.seq], b"\x12", CLOCKS[v.time], b"\x52", LENGTHS[len(m)], m))


def decode_RunStarted(e: Any) -> RunStarted:
    m = e.run_started
    workflow_ = m.workflow
    version_ = m.version
    workflow_id_ = m.workflow_id
    rules_ = m.rules
    input_ = decode_Payload(m.input)
    deadline_: int | None = None
    if m.HasField("deadline"):
        t = m.deadline
        deadline_ = t.seconds * 1000000 + t.nanos // 1000
    traceparent_ = m.traceparent
    actor_ = m.actor
    request_id_ = m.request_id
    parent_run_id_ = m.parent_run_id
    parent_key_ = m.parent_key
    retry_of_ = m.retry_of
    seed_ = tuple([decode_SeedOutcome(w) for w in m.seed])
    depth_ = m.depth
    t = e.time
    time_ = t.seconds * 1000000 + t.nanos // 1000
    return RunStarted(
        seq=e.seq,
        time=time_,
        workflow=workflow_,
        version=version_,
        workflow_id=workflow_id_,
        rules=rules_,
        input=input_,
        deadline=deadline_,
        traceparent=traceparent_,
        actor=actor_,
        request_id=request_id_,
        parent_run_id=parent_run_id_,
        parent_key=parent_key_,
        retry_of=retry_of_,
        seed=seed_,
        depth=depth_,
    )


def encode_RunCompleted(v: RunCompleted) -> bytes:
    m = join(
        (
            framed(b"\x0a", encode_Payload(v.output)),
            b"\x12" + CLOCKS[v.started_time],
            texts_3[v.workflow],
        )
    )
    return join((numbers_1_64[v.seq], b"\x12", CLOCKS[v.time], b"\x5a", LENGTHS[len(m)], m))


def decode_RunCompleted(e: Any) -> RunCompleted:
    m = e.run_completed
    output_ = decode_Payload(m.output)
    t = m.started_time
    started_time_ = t.seconds * 1000000 + t.nanos // 1000
    workflow_ = m.workflow
    t = e.time
    time_ = t.seconds * 1000000 + t.nanos // 1000
    return RunCompleted(
        seq=e.seq,
        time=time_,
        output=output_,
        started_time=started_time_,
        workflow=workflow_,
    )


def encode_RunFailed(v: RunFailed) -> bytes:
    m = join(
        (
            framed(b"\x0a", encode_Failure(v.failure)),
            texts_2[v.node],
            b"\x1a" + CLOCKS[v.started_time],
            texts_4[v.workflow],
        )
    )
    return join((numbers_1_64[v.seq], b"\x12", CLOCKS[v.time], b"\x62", LENGTHS[len(m)], m))


def decode_RunFailed(e: Any) -> RunFailed:
    m = e.run_failed
    failure_ = decode_Failure(m.failure)
    node_ = m.node
    t = m.started_time
    started_time_ = t.seconds * 1000000 + t.nanos // 1000
    workflow_ = m.workflow
    t = e.time
    time_ = t.seconds * 1000000 + t.nanos // 1000
    return RunFailed(
        seq=e.seq,
        time=time_,
        failure=failure_,
        node=node_,
        started_time=started_time_,
        workflow=workflow_,
    )


def encode_RunCancelled(v: RunCancelled) -> bytes:
    m = join(
        (
            texts_1[v.reason],
            b"\x12" + CLOCKS[v.started_time],
            texts_3[v.workflow],
        )
    )
    return join((numbers_1_64[v.seq], b"\x12", CLOCKS[v.time], b"\x6a", LENGTHS[len(m)], m))


def decode_RunCancelled(e: Any) -> RunCancelled:
    m = e.run_cancelled
    reason_ = m.reason
    t = m.started_time
    started_time_ = t.seconds * 1000000 + t.nanos // 1000
    workflow_ = m.workflow
    t = e.time
    time_ = t.seconds * 1000000 + t.nanos // 1000
    return RunCancelled(
        seq=e.seq,
        time=time_,
        reason=reason_,
        started_time=started_time_,
        workflow=workflow_,
    )


def encode_RunTimedOut(v: RunTimedOut) -> bytes:
    m = join(
        (
            b"\x0a" + CLOCKS[v.started_time],
            texts_2[v.workflow],
        )
    )
    return join((numbers_1_64[v.seq], b"\x12", CLOCKS[v.time], b"\x72", LENGTHS[len(m)], m))


def decode_RunTimedOut(e: Any) -> RunTimedOut:
    m = e.run_timed_out
    t = m.started_time
    started_time_ = t.seconds * 1000000 + t.nanos // 1000
    workflow_ = m.workflow
    t = e.time
    time_ = t.seconds * 1000000 + t.nanos // 1000
    return RunTimedOut(
        seq=e.seq,
        time=time_,
        started_time=started_time_,
        workflow=workflow_,
    )


def encode_RunTerminated(v: RunTerminated) -> bytes:
    m = join(
        (
            texts_1[v.reason],
            texts_2[v.actor],
            b"\x1a" + CLOCKS[v.started_time],
            texts_4[v.workflow],
        )
    )
    return join((numbers_1_64[v.seq], b"\x12", CLOCKS[v.time], b"\x7a", LENGTHS[len(m)], m))


def decode_RunTerminated(e: Any) -> RunTerminated:
    m = e.run_terminated
    reason_ = m.reason
    actor_ = m.actor
    t = m.started_time
    started_time_ = t.seconds * 1000000 + t.nanos // 1000
    workflow_ = m.workflow
    t = e.time
    time_ = t.seconds * 1000000 + t.nanos // 1000
    return RunTerminated(
        seq=e.seq,
        time=time_,
        reason=reason_,
        actor=actor_,
        started_time=started_time_,
        workflow=workflow_,
    )


def encode_CancelRequested(v: CancelRequested) -> bytes:
    m = join(
        (
            texts_1[v.reason],
            texts_2[v.actor],
            numbers_3_32[v.cause],
            (b"\x20\x01" if v.skip_compensation else b""),
        )
    )
    return join((numbers_1_64[v.seq], b"\x12", CLOCKS[v.time], b"\x82\x01", LENGTHS[len(m)], m))


def decode_CancelRequested(e: Any) -> CancelRequested:
    m = e.cancel_requested
    reason_ = m.reason
    actor_ = m.actor
    cause_ = CancelCause_members.get(m.cause)
    if cause_ is None:
        raise unknown(CancelCause, m.cause)
    skip_compensation_ = m.skip_compensation
    t = e.time
    time_ = t.seconds * 1000000 + t.nanos // 1000
    return CancelRequested(
        seq=e.seq,
        time=time_,
        reason=reason_,
        actor=actor_,
        cause=cause_,
        skip_compensation=skip_compensation_,
    )


def encode_StateRecorded(v: StateRecorded) -> bytes:
    m = join(
        (
            framed(b"\x0a", encode_Payload(v.state)),
            numbers_2_64[v.keeps_from],
        )
    )
    return join((numbers_1_64[v.seq], b"\x12", CLOCKS[v.time], b"\xba\x01", LENGTHS[len(m)], m))


def decode_StateRecorded(e: Any) -> StateRecorded:
    m = e.state_recorded
    state_ = decode_Payload(m.state)
    keeps_from_ = m.keeps_from
    t = e.time
    time_ = t.seconds * 1000000 + t.nanos // 1000
    return StateRecorded(
        seq=e.seq,
        time=time_,
        state=state_,
        keeps_from=keeps_from_,
    )


def encode_RunPaused(v: RunPaused) -> bytes:
    m = join(
        (
            texts_1[v.reason],
            texts_2[v.actor],
        )
    )
    return join((numbers_1_64[v.seq], b"\x12", CLOCKS[v.time], b"\x9a\x01", LENGTHS[len(m)], m))


def decode_RunPaused(e: Any) -> RunPaused:
    m = e.run_paused
    reason_ = m.reason
    actor_ = m.actor
    t = e.time
    time_ = t.seconds * 1000000 + t.nanos // 1000
    return RunPaused(
        seq=e.seq,
        time=time_,
        reason=reason_,
        actor=actor_,
    )


def encode_RunResumed(v: RunResumed) -> bytes:
    m = join(
        (
            texts_1[v.actor],
        )
    )
    return join((numbers_1_64[v.seq], b"\x12", CLOCKS[v.time], b"\xa2\x01", LENGTHS[len(m)], m))


def decode_RunResumed(e: Any) -> RunResumed:
    m = e.run_resumed
    actor_ = m.actor
    t = e.time
    time_ = t.seconds * 1000000 + t.nanos // 1000
    return RunResumed(
        seq=e.seq,
        time=time_,
        actor=actor_,
    )


def encode_RunContinued(v: RunContinued) -> bytes:
    m = join(
        (
            (framed(b"\x0a", v.next_run_id) if v.next_run_id else b""),
            framed(b"\x12", encode_Payload(v.input)),
            numbers_3_64[v.next_version],
            b"\x22" + CLOCKS[v.started_time],
            texts_5[v.workflow],
            (wire.messages(b"\x32", encode_CarriedEvent, events_) if (events_ := v.events) else b""),
            texts_7[v.workflow_id],
            numbers_8_32[v.depth],
            (framed(b"\x4a", v.parent_run_id) if v.parent_run_id else b""),
            texts_10[v.parent_key],
        )
    )
    return join((numbers_1_64[v.seq], b"\x12", CLOCKS[v.time], b"\xaa\x01", LENGTHS[len(m)], m))


def decode_RunContinued(e: Any) -> RunContinued:
    m = e.run_continued
    next_run_id_ = m.next_run_id
    input_ = decode_Payload(m.input)
    next_version_ = m.next_version
    t = m.started_time
    started_time_ = t.seconds * 1000000 + t.nanos // 1000
    workflow_ = m.workflow
    workflow_id_ = m.workflow_id
    depth_ = m.depth
    events_ = tuple([decode_CarriedEvent(w) for w in m.events])
    parent_run_id_ = m.parent_run_id
    parent_key_ = m.parent_key
    t = e.time
    time_ = t.seconds * 1000000 + t.nanos // 1000
    return RunContinued(
        seq=e.seq,
        time=time_,
        next_run_id=next_run_id_,
        input=input_,
        next_version=next_version_,
        started_time=started_time_,
        workflow=workflow_,
        workflow_id=workflow_id_,
        depth=depth_,
        events=events_,
        parent_run_id=parent_run_id_,
        parent_key=parent_key_,
    )


def encode_AttributeSet(v: AttributeSet) -> bytes:
    m = join(
        (
            texts_1[v.key],
            texts_2[v.name],
            framed(b"\x1a", encode_Payload(v.value)),
        )
    )
    return join((numbers_1_64[v.seq], b"\x12", CLOCKS[v.time], b"\xb2\x01", LENGTHS[len(m)], m))


def decode_AttributeSet(e: Any) -> AttributeSet:
    m = e.attribute_set
    key_ = m.key
    name_ = m.name
    value_ = decode_Payload(m.value)
    t = e.time
    time_ = t.seconds * 1000000 + t.nanos // 1000
    return AttributeSet(
        seq=e.seq,
        time=time_,
        key=key_,
        name=name_,
        value=value_,
    )


def encode_RunHeld(v: RunHeld) -> bytes:
    m = join(
        (
            texts_1[v.incident],
            texts_2[v.key],
            (framed(b"\x1a", encode_Failure(failure_)) if (failure_ := v.failure) is not None else b""),
        )
    )
    return join((numbers_1_64[v.seq], b"\x12", CLOCKS[v.time], b"\x8a\x01", LENGTHS[len(m)], m))


def decode_RunHeld(e: Any) -> RunHeld:
    m = e.run_held
    incident_ = m.incident
    key_ = m.key
    failure_: Failure | None = None
    if m.HasField("failure"):
        failure_ = decode_Failure(m.failure)
    t = e.time
    time_ = t.seconds * 1000000 + t.nanos // 1000
    return RunHeld(
        seq=e.seq,
        time=time_,
        incident=incident_,
        key=key_,
        failure=failure_,
    )


def encode_IncidentAnswered(v: IncidentAnswered) -> bytes:
    m = join(
        (
            texts_1[v.key],
            numbers_2_32[v.answer],
            texts_3[v.actor],
            texts_4[v.reason],
            (framed(b"\x2a", encode_Payload(output_)) if (output_ := v.output) is not None else b""),
        )
    )
    return join((numbers_1_64[v.seq], b"\x12", CLOCKS[v.time], b"\x92\x01", LENGTHS[len(m)], m))


def decode_IncidentAnswered(e: Any) -> IncidentAnswered:
    m = e.incident_answered
    key_ = m.key
    answer_ = IncidentAnswer_members.get(m.answer)
    if answer_ is None:
        raise unknown(IncidentAnswer, m.answer)
    actor_ = m.actor
    reason_ = m.reason
    output_: Payload | None = None
    if m.HasField("output"):
        output_ = decode_Payload(m.output)
    t = e.time
    time_ = t.seconds * 1000000 + t.nanos // 1000
    return IncidentAnswered(
        seq=e.seq,
        time=time_,
        key=key_,
        answer=answer_,
        actor=actor_,
        reason=reason_,
        output=output_,
    )


def encode_ActivityScheduled(v: ActivityScheduled) -> bytes:
    m = join(
        (
            texts_1[v.key],
            texts_2[v.type],
            texts_3[v.queue],
            framed(b"\x22", encode_Payload(v.input)),
            framed(b"\x2a", encode_RetryPolicy(v.retry)),
            (b"\x32" + CLOCKS[schedule_to_start_timeout_] if (schedule_to_start_timeout_ := v.schedule_to_start_timeout) is not None else b""),
            b"\x3a" + CLOCKS[v.start_to_close_timeout],
            (b"\x42" + CLOCKS[schedule_to_close_timeout_] if (schedule_to_close_timeout_ := v.schedule_to_close_timeout) is not None else b""),
            (b"\x4a" + CLOCKS[heartbeat_timeout_] if (heartbeat_timeout_ := v.heartbeat_timeout) is not None else b""),
            numbers_10_32[v.priority],
            (join([texts_11_always[w] for w in memory_keys_]) if (memory_keys_ := v.memory_keys) else b""),
            (b"\x62" + CLOCKS[start_time_] if (start_time_ := v.start_time) is not None else b""),
            (b"\x68\x01" if v.hold_on_failure else b""),
            texts_14[v.compensates],
            (b"\x78\x01" if v.local else b""),
            texts_16[v.cache_key],
            (b"\x8a\x01" + CLOCKS[cache_ttl_] if (cache_ttl_ := v.cache_ttl) is not None else b""),
        )
    )
    return join((numbers_1_64[v.seq], b"\x12", CLOCKS[v.time], b"\xf2\x01", LENGTHS[len(m)], m))


def decode_ActivityScheduled(e: Any) -> ActivityScheduled:
    m = e.activity_scheduled
    key_ = m.key
    type_ = m.type
    queue_ = m.queue
    input_ = decode_Payload(m.input)
    retry_ = decode_RetryPolicy(m.retry)
    t = m.start_to_close_timeout
    start_to_close_timeout_ = t.seconds * 1000000 + t.nanos // 1000
    schedule_to_start_timeout_: int | None = None
    if m.HasField("schedule_to_start_timeout"):
        t = m.schedule_to_start_timeout
        schedule_to_start_timeout_ = t.seconds * 1000000 + t.nanos // 1000
    schedule_to_close_timeout_: int | None = None
    if m.HasField("schedule_to_close_timeout"):
        t = m.schedule_to_close_timeout
        schedule_to_close_timeout_ = t.seconds * 1000000 + t.nanos // 1000
    heartbeat_timeout_: int | None = None
    if m.HasField("heartbeat_timeout"):
        t = m.heartbeat_timeout
        heartbeat_timeout_ = t.seconds * 1000000 + t.nanos // 1000
    priority_ = m.priority
    memory_keys_ = tuple(m.memory_keys)
    start_time_: int | None = None
    if m.HasField("start_time"):
        t = m.start_time
        start_time_ = t.seconds * 1000000 + t.nanos // 1000
    hold_on_failure_ = m.hold_on_failure
    compensates_ = m.compensates
    local_ = m.local
    cache_key_ = m.cache_key
    cache_ttl_: int | None = None
    if m.HasField("cache_ttl"):
        t = m.cache_ttl
        cache_ttl_ = t.seconds * 1000000 + t.nanos // 1000
    t = e.time
    time_ = t.seconds * 1000000 + t.nanos // 1000
    return ActivityScheduled(
        seq=e.seq,
        time=time_,
        key=key_,
        type=type_,
        queue=queue_,
        input=input_,
        retry=retry_,
        start_to_close_timeout=start_to_close_timeout_,
        schedule_to_start_timeout=schedule_to_start_timeout_,
        schedule_to_close_timeout=schedule_to_close_timeout_,
        heartbeat_timeout=heartbeat_timeout_,
        priority=priority_,
        memory_keys=memory_keys_,
        start_time=start_time_,
        hold_on_failure=hold_on_failure_,
        compensates=compensates_,
        local=local_,
        cache_key=cache_key_,
        cache_ttl=cache_ttl_,
    )


def encode_AttemptStarted(v: AttemptStarted) -> bytes:
    m = join(
        (
            texts_1[v.key],
            numbers_2_64[v.lease],
            numbers_3_32[v.attempt],
            texts_4[v.session_id],
            texts_5[v.identity],
            texts_6[v.build_id],
            b"\x3a" + CLOCKS[v.until],
            b"\x42" + CLOCKS[v.ready_time],
            (b"\x4a" + CLOCKS[waiting_since_time_] if (waiting_since_time_ := v.waiting_since_time) is not None else b""),
            texts_10[v.type],
        )
    )
    return join((numbers_1_64[v.seq], b"\x12", CLOCKS[v.time], b"\xfa\x01", LENGTHS[len(m)], m))


def decode_AttemptStarted(e: Any) -> AttemptStarted:
    m = e.attempt_started
    key_ = m.key
    lease_ = m.lease
    attempt_ = m.attempt
    session_id_ = m.session_id
    identity_ = m.identity
    build_id_ = m.build_id
    t = m.until
    until_ = t.seconds * 1000000 + t.nanos // 1000
    t = m.ready_time
    ready_time_ = t.seconds * 1000000 + t.nanos // 1000
    type_ = m.type
    waiting_since_time_: int | None = None
    if m.HasField("waiting_since_time"):
        t = m.waiting_since_time
        waiting_since_time_ = t.seconds * 1000000 + t.nanos // 1000
    t = e.time
    time_ = t.seconds * 1000000 + t.nanos // 1000
    return AttemptStarted(
        seq=e.seq,
        time=time_,
        key=key_,
        lease=lease_,
        attempt=attempt_,
        session_id=session_id_,
        identity=identity_,
        build_id=build_id_,
        until=until_,
        ready_time=ready_time_,
        type=type_,
        waiting_since_time=waiting_since_time_,
    )


def encode_AttemptFailed(v: AttemptFailed) -> bytes:
    m = join(
        (
            texts_1[v.key],
            numbers_2_64[v.lease],
            numbers_3_32[v.attempt],
            framed(b"\x22", encode_Failure(v.failure)),
            b"\x2a" + CLOCKS[v.next_time],
            b"\x32" + CLOCKS[v.started_time],
            texts_7[v.identity],
            texts_8[v.type],
            (b"\x48\x01" if v.lost else b""),
        )
    )
    return join((numbers_1_64[v.seq], b"\x12", CLOCKS[v.time], b"\x82\x02", LENGTHS[len(m)], m))


def decode_AttemptFailed(e: Any) -> AttemptFailed:
    m = e.attempt_failed
    key_ = m.key
    lease_ = m.lease
    attempt_ = m.attempt
    failure_ = decode_Failure(m.failure)
    t = m.next_time
    next_time_ = t.seconds * 1000000 + t.nanos // 1000
    t = m.started_time
    started_time_ = t.seconds * 1000000 + t.nanos // 1000
    identity_ = m.identity
    type_ = m.type
    lost_ = m.lost
    t = e.time
    time_ = t.seconds * 1000000 + t.nanos // 1000
    return AttemptFailed(
        seq=e.seq,
        time=time_,
        key=key_,
        lease=lease_,
        attempt=attempt_,
        failure=failure_,
        next_time=next_time_,
        started_time=started_time_,
        identity=identity_,
        type=type_,
        lost=lost_,
    )


def encode_ActivityRequeued(v: ActivityRequeued) -> bytes:
    m = join(
        (
            texts_1[v.key],
            numbers_2_64[v.lease],
            texts_3[v.reason],
        )
    )
    return join((numbers_1_64[v.seq], b"\x12", CLOCKS[v.time], b"\x8a\x02", LENGTHS[len(m)], m))


def decode_ActivityRequeued(e: Any) -> ActivityRequeued:
    m = e.activity_requeued
    key_ = m.key
    lease_ = m.lease
    reason_ = m.reason
    t = e.time
    time_ = t.seconds * 1000000 + t.nanos // 1000
    return ActivityRequeued(
        seq=e.seq,
        time=time_,
        key=key_,
        lease=lease_,
        reason=reason_,
    )


def encode_ActivityCompleted(v: ActivityCompleted) -> bytes:
    m = join(
        (
            texts_1[v.key],
            numbers_2_64[v.lease],
            numbers_3_32[v.attempt],
            framed(b"\x22", encode_Payload(v.output)),
            (wire.messages(b"\x2a", encode_MemoryOperation, memory_operations_) if (memory_operations_ := v.memory_operations) else b""),
            b"\x32" + CLOCKS[v.started_time],
            b"\x3a" + CLOCKS[v.scheduled_time],
            texts_8[v.identity],
            texts_9[v.type],
            (b"\x50\x01" if v.skipped else b""),
            (b"\x58\x01" if v.cached else b""),
        )
    )
    return join((numbers_1_64[v.seq], b"\x12", CLOCKS[v.time], b"\x92\x02", LENGTHS[len(m)], m))


def decode_ActivityCompleted(e: Any) -> ActivityCompleted:
    m = e.activity_completed
    key_ = m.key
    lease_ = m.lease
    attempt_ = m.attempt
    output_ = decode_Payload(m.output)
    t = m.started_time
    started_time_ = t.seconds * 1000000 + t.nanos // 1000
    t = m.scheduled_time
    scheduled_time_ = t.seconds * 1000000 + t.nanos // 1000
    identity_ = m.identity
    type_ = m.type
    memory_operations_ = tuple([decode_MemoryOperation(w) for w in m.memory_operations])
    skipped_ = m.skipped
    cached_ = m.cached
    t = e.time
    time_ = t.seconds * 1000000 + t.nanos // 1000
    return ActivityCompleted(
        seq=e.seq,
        time=time_,
        key=key_,
        lease=lease_,
        attempt=attempt_,
        output=output_,
        started_time=started_time_,
        scheduled_time=scheduled_time_,
        identity=identity_,
        type=type_,
        memory_operations=memory_operations_,
        skipped=skipped_,
        cached=cached_,
    )


def encode_ActivityFailed(v: ActivityFailed) -> bytes:
    m = join(
        (
            texts_1[v.key],
            numbers_2_64[v.lease],
            numbers_3_32[v.attempt],
            framed(b"\x22", encode_Failure(v.failure)),
            numbers_5_32[v.retry_state],
            (b"\x32" + CLOCKS[started_time_] if (started_time_ := v.started_time) is not None else b""),
            b"\x3a" + CLOCKS[v.scheduled_time],
            texts_8[v.identity],
            texts_9[v.type],
        )
    )
    return join((numbers_1_64[v.seq], b"\x12", CLOCKS[v.time], b"\x9a\x02", LENGTHS[len(m)], m))


def decode_ActivityFailed(e: Any) -> ActivityFailed:
    m = e.activity_failed
    key_ = m.key
    lease_ = m.lease
    attempt_ = m.attempt
    failure_ = decode_Failure(m.failure)
    retry_state_ = RetryState_members.get(m.retry_state)
    if retry_state_ is None:
        raise unknown(RetryState, m.retry_state)
    t = m.scheduled_time
    scheduled_time_ = t.seconds * 1000000 + t.nanos // 1000
    type_ = m.type
    started_time_: int | None = None
    if m.HasField("started_time"):
        t = m.started_time
        started_time_ = t.seconds * 1000000 + t.nanos // 1000
    identity_ = m.identity
    t = e.time
    time_ = t.seconds * 1000000 + t.nanos // 1000
    return ActivityFailed(
        seq=e.seq,
        time=time_,
        key=key_,
        lease=lease_,
        attempt=attempt_,
        failure=failure_,
        retry_state=retry_state_,
        scheduled_time=scheduled_time_,
        type=type_,
        started_time=started_time_,
        identity=identity_,
    )


def encode_ActivityCancelRequested(v: ActivityCancelRequested) -> bytes:
    m = join(
        (
            texts_1[v.key],
        )
    )
    return join((numbers_1_64[v.seq], b"\x12", CLOCKS[v.time], b"\xa2\x02", LENGTHS[len(m)], m))


def decode_ActivityCancelRequested(e: Any) -> ActivityCancelRequested:
    m = e.activity_cancel_requested
    key_ = m.key
    t = e.time
    time_ = t.seconds * 1000000 + t.nanos // 1000
    return ActivityCancelRequested(
        seq=e.seq,
        time=time_,
        key=key_,
    )


def encode_ActivityCancelled(v: ActivityCancelled) -> bytes:
    m = join(
        (
            texts_1[v.key],
            numbers_2_64[v.lease],
            numbers_3_32[v.attempt],
            (b"\x22" + CLOCKS[started_time_] if (started_time_ := v.started_time) is not None else b""),
            b"\x2a" + CLOCKS[v.scheduled_time],
            texts_6[v.identity],
            texts_7[v.type],
        )
    )
    return join((numbers_1_64[v.seq], b"\x12", CLOCKS[v.time], b"\xaa\x02", LENGTHS[len(m)], m))


def decode_ActivityCancelled(e: Any) -> ActivityCancelled:
    m = e.activity_cancelled
    key_ = m.key
    lease_ = m.lease
    attempt_ = m.attempt
    t = m.scheduled_time
    scheduled_time_ = t.seconds * 1000000 + t.nanos // 1000
    type_ = m.type
    started_time_: int | None = None
    if m.HasField("started_time"):
        t = m.started_time
        started_time_ = t.seconds * 1000000 + t.nanos // 1000
    identity_ = m.identity
    t = e.time
    time_ = t.seconds * 1000000 + t.nanos // 1000
    return ActivityCancelled(
        seq=e.seq,
        time=time_,
        key=key_,
        lease=lease_,
        attempt=attempt_,
        scheduled_time=scheduled_time_,
        type=type_,
        started_time=started_time_,
        identity=identity_,
    )


def encode_ActivityOverridden(v: ActivityOverridden) -> bytes:
    m = join(
        (
            texts_1[v.key],
            framed(b"\x12", encode_Payload(v.output)),
            texts_3[v.actor],
            texts_4[v.reason],
            b"\x2a" + CLOCKS[v.scheduled_time],
            texts_6[v.type],
        )
    )
    return join((numbers_1_64[v.seq], b"\x12", CLOCKS[v.time], b"\xb2\x02", LENGTHS[len(m)], m))


def decode_ActivityOverridden(e: Any) -> ActivityOverridden:
    m = e.activity_overridden
    key_ = m.key
    output_ = decode_Payload(m.output)
    actor_ = m.actor
    reason_ = m.reason
    t = m.scheduled_time
    scheduled_time_ = t.seconds * 1000000 + t.nanos // 1000
    type_ = m.type
    t = e.time
    time_ = t.seconds * 1000000 + t.nanos // 1000
    return ActivityOverridden(
        seq=e.seq,
        time=time_,
        key=key_,
        output=output_,
        actor=actor_,
        reason=reason_,
        scheduled_time=scheduled_time_,
        type=type_,
    )


def encode_TimerStarted(v: TimerStarted) -> bytes:
    m = join(
        (
            texts_1[v.key],
            b"\x12" + CLOCKS[v.due_time],
            framed(b"\x1a", encode_Payload(v.output)),
        )
    )
    return join((numbers_1_64[v.seq], b"\x12", CLOCKS[v.time], b"\xc2\x02", LENGTHS[len(m)], m))


def decode_TimerStarted(e: Any) -> TimerStarted:
    m = e.timer_started
    key_ = m.key
    t = m.due_time
    due_time_ = t.seconds * 1000000 + t.nanos // 1000
    output_ = decode_Payload(m.output)
    t = e.time
    time_ = t.seconds * 1000000 + t.nanos // 1000
    return TimerStarted(
        seq=e.seq,
        time=time_,
        key=key_,
        due_time=due_time_,
        output=output_,
    )


def encode_TimerFired(v: TimerFired) -> bytes:
    m = join(
        (
            texts_1[v.key],
            b"\x12" + CLOCKS[v.started_time],
        )
    )
    return join((numbers_1_64[v.seq], b"\x12", CLOCKS[v.time], b"\xca\x02", LENGTHS[len(m)], m))


def decode_TimerFired(e: Any) -> TimerFired:
    m = e.timer_fired
    key_ = m.key
    t = m.started_time
    started_time_ = t.seconds * 1000000 + t.nanos // 1000
    t = e.time
    time_ = t.seconds * 1000000 + t.nanos // 1000
    return TimerFired(
        seq=e.seq,
        time=time_,
        key=key_,
        started_time=started_time_,
    )


def encode_TimerCancelled(v: TimerCancelled) -> bytes:
    m = join(
        (
            texts_1[v.key],
            b"\x12" + CLOCKS[v.started_time],
        )
    )
    return join((numbers_1_64[v.seq], b"\x12", CLOCKS[v.time], b"\xd2\x02", LENGTHS[len(m)], m))


def decode_TimerCancelled(e: Any) -> TimerCancelled:
    m = e.timer_cancelled
    key_ = m.key
    t = m.started_time
    started_time_ = t.seconds * 1000000 + t.nanos // 1000
    t = e.time
    time_ = t.seconds * 1000000 + t.nanos // 1000
    return TimerCancelled(
        seq=e.seq,
        time=time_,
        key=key_,
        started_time=started_time_,
    )


def encode_EventReceived(v: EventReceived) -> bytes:
    m = join(
        (
            texts_1[v.event_id],
            texts_2[v.name],
            framed(b"\x1a", encode_Payload(v.payload)),
            texts_4[v.actor],
        )
    )
    return join((numbers_1_64[v.seq], b"\x12", CLOCKS[v.time], b"\xea\x02", LENGTHS[len(m)], m))


def decode_EventReceived(e: Any) -> EventReceived:
    m = e.event_received
    event_id_ = m.event_id
    name_ = m.name
    payload_ = decode_Payload(m.payload)
    actor_ = m.actor
    t = e.time
    time_ = t.seconds * 1000000 + t.nanos // 1000
    return EventReceived(
        seq=e.seq,
        time=time_,
        event_id=event_id_,
        name=name_,
        payload=payload_,
        actor=actor_,
    )


def encode_WaitStarted(v: WaitStarted) -> bytes:
    m = join(
        (
            texts_1[v.key],
            texts_2[v.name],
            (b"\x1a" + CLOCKS[until_] if (until_ := v.until) is not None else b""),
            texts_4[v.filter],
        )
    )
    return join((numbers_1_64[v.seq], b"\x12", CLOCKS[v.time], b"\xf2\x02", LENGTHS[len(m)], m))


def decode_WaitStarted(e: Any) -> WaitStarted:
    m = e.wait_started
    key_ = m.key
    name_ = m.name
    until_: int | None = None
    if m.HasField("until"):
        t = m.until
        until_ = t.seconds * 1000000 + t.nanos // 1000
    filter_ = m.filter
    t = e.time
    time_ = t.seconds * 1000000 + t.nanos // 1000
    return WaitStarted(
        seq=e.seq,
        time=time_,
        key=key_,
        name=name_,
        until=until_,
        filter=filter_,
    )


def encode_WaitSatisfied(v: WaitSatisfied) -> bytes:
    m = join(
        (
            texts_1[v.key],
            texts_2[v.event_id],
            b"\x1a" + CLOCKS[v.started_time],
        )
    )
    return join((numbers_1_64[v.seq], b"\x12", CLOCKS[v.time], b"\xfa\x02", LENGTHS[len(m)], m))


def decode_WaitSatisfied(e: Any) -> WaitSatisfied:
    m = e.wait_satisfied
    key_ = m.key
    event_id_ = m.event_id
    t = m.started_time
    started_time_ = t.seconds * 1000000 + t.nanos // 1000
    t = e.time
    time_ = t.seconds * 1000000 + t.nanos // 1000
    return WaitSatisfied(
        seq=e.seq,
        time=time_,
        key=key_,
        event_id=event_id_,
        started_time=started_time_,
    )


def encode_WaitTimedOut(v: WaitTimedOut) -> bytes:
    m = join(
        (
            texts_1[v.key],
            b"\x12" + CLOCKS[v.started_time],
        )
    )
    return join((numbers_1_64[v.seq], b"\x12", CLOCKS[v.time], b"\x82\x03", LENGTHS[len(m)], m))


def decode_WaitTimedOut(e: Any) -> WaitTimedOut:
    m = e.wait_timed_out
    key_ = m.key
    t = m.started_time
    started_time_ = t.seconds * 1000000 + t.nanos // 1000
    t = e.time
    time_ = t.seconds * 1000000 + t.nanos // 1000
    return WaitTimedOut(
        seq=e.seq,
        time=time_,
        key=key_,
        started_time=started_time_,
    )


def encode_WaitCancelled(v: WaitCancelled) -> bytes:
    m = join(
        (
            texts_1[v.key],
            b"\x12" + CLOCKS[v.started_time],
        )
    )
    return join((numbers_1_64[v.seq], b"\x12", CLOCKS[v.time], b"\x8a\x03", LENGTHS[len(m)], m))


def decode_WaitCancelled(e: Any) -> WaitCancelled:
    m = e.wait_cancelled
    key_ = m.key
    t = m.started_time
    started_time_ = t.seconds * 1000000 + t.nanos // 1000
    t = e.time
    time_ = t.seconds * 1000000 + t.nanos // 1000
    return WaitCancelled(
        seq=e.seq,
        time=time_,
        key=key_,
        started_time=started_time_,
    )


def encode_EventSent(v: EventSent) -> bytes:
    m = join(
        (
            texts_1[v.key],
            texts_2[v.event_id],
            texts_3[v.name],
            framed(b"\x22", encode_Payload(v.payload)),
            texts_5[v.workflow_id],
        )
    )
    return join((numbers_1_64[v.seq], b"\x12", CLOCKS[v.time], b"\x92\x03", LENGTHS[len(m)], m))


def decode_EventSent(e: Any) -> EventSent:
    m = e.event_sent
    key_ = m.key
    event_id_ = m.event_id
    name_ = m.name
    payload_ = decode_Payload(m.payload)
    workflow_id_ = m.workflow_id
    t = e.time
    time_ = t.seconds * 1000000 + t.nanos // 1000
    return EventSent(
        seq=e.seq,
        time=time_,
        key=key_,
        event_id=event_id_,
        name=name_,
        payload=payload_,
        workflow_id=workflow_id_,
    )


def encode_ChildRequested(v: ChildRequested) -> bytes:
    m = join(
        (
            texts_1[v.key],
            (framed(b"\x12", v.run_id) if v.run_id else b""),
            texts_3[v.workflow],
            numbers_4_64[v.version],
            texts_5[v.workflow_id],
            framed(b"\x32", encode_Payload(v.input)),
            numbers_7_32[v.on_parent_end],
            (b"\x40\x01" if v.awaited else b""),
            numbers_9_32[v.depth],
        )
    )
    return join((numbers_1_64[v.seq], b"\x12", CLOCKS[v.time], b"\xa2\x03", LENGTHS[len(m)], m))


def decode_ChildRequested(e: Any) -> ChildRequested:
    m = e.child_requested
    key_ = m.key
    run_id_ = m.run_id
    workflow_ = m.workflow
    version_ = m.version
    workflow_id_ = m.workflow_id
    input_ = decode_Payload(m.input)
    on_parent_end_ = ParentClosePolicy_members.get(m.on_parent_end)
    if on_parent_end_ is None:
        raise unknown(ParentClosePolicy, m.on_parent_end)
    awaited_ = m.awaited
    depth_ = m.depth
    t = e.time
    time_ = t.seconds * 1000000 + t.nanos // 1000
    return ChildRequested(
        seq=e.seq,
        time=time_,
        key=key_,
        run_id=run_id_,
        workflow=workflow_,
        version=version_,
        workflow_id=workflow_id_,
        input=input_,
        on_parent_end=on_parent_end_,
        awaited=awaited_,
        depth=depth_,
    )


def encode_ChildStarted(v: ChildStarted) -> bytes:
    m = join(
        (
            texts_1[v.key],
            b"\x12" + CLOCKS[v.started_time],
        )
    )
    return join((numbers_1_64[v.seq], b"\x12", CLOCKS[v.time], b"\xaa\x03", LENGTHS[len(m)], m))


def decode_ChildStarted(e: Any) -> ChildStarted:
    m = e.child_started
    key_ = m.key
    t = m.started_time
    started_time_ = t.seconds * 1000000 + t.nanos // 1000
    t = e.time
    time_ = t.seconds * 1000000 + t.nanos // 1000
    return ChildStarted(
        seq=e.seq,
        time=time_,
        key=key_,
        started_time=started_time_,
    )


def encode_ChildEnded(v: ChildEnded) -> bytes:
    m = join(
        (
            texts_1[v.key],
            numbers_2_32[v.end],
            b"\x1a" + CLOCKS[v.started_time],
            (framed(b"\x22", encode_Payload(output_)) if (output_ := v.output) is not None else b""),
            (framed(b"\x2a", encode_Failure(failure_)) if (failure_ := v.failure) is not None else b""),
        )
    )
    return join((numbers_1_64[v.seq], b"\x12", CLOCKS[v.time], b"\xb2\x03", LENGTHS[len(m)], m))


def decode_ChildEnded(e: Any) -> ChildEnded:
    m = e.child_ended
    key_ = m.key
    end_ = ChildEnd_members.get(m.end)
    if end_ is None:
        raise unknown(ChildEnd, m.end)
    t = m.started_time
    started_time_ = t.seconds * 1000000 + t.nanos // 1000
    output_: Payload | None = None
    if m.HasField("output"):
        output_ = decode_Payload(m.output)
    failure_: Failure | None = None
    if m.HasField("failure"):
        failure_ = decode_Failure(m.failure)
    t = e.time
    time_ = t.seconds * 1000000 + t.nanos // 1000
    return ChildEnded(
        seq=e.seq,
        time=time_,
        key=key_,
        end=end_,
        started_time=started_time_,
        output=output_,
        failure=failure_,
    )


def encode_ChildCancelRequested(v: ChildCancelRequested) -> bytes:
    m = join(
        (
            texts_1[v.key],
        )
    )
    return join((numbers_1_64[v.seq], b"\x12", CLOCKS[v.time], b"\xba\x03", LENGTHS[len(m)], m))


def decode_ChildCancelRequested(e: Any) -> ChildCancelRequested:
    m = e.child_cancel_requested
    key_ = m.key
    t = e.time
    time_ = t.seconds * 1000000 + t.nanos // 1000
    return ChildCancelRequested(
        seq=e.seq,
        time=time_,
        key=key_,
    )


def encode_EdgesDecided(v: EdgesDecided) -> bytes:
    m = join(
        (
            texts_1[v.node],
            (wire.messages(b"\x12", encode_DecidedEdge, edges_) if (edges_ := v.edges) else b""),
        )
    )
    return join((numbers_1_64[v.seq], b"\x12", CLOCKS[v.time], b"\xe2\x03", LENGTHS[len(m)], m))


def decode_EdgesDecided(e: Any) -> EdgesDecided:
    m = e.edges_decided
    node_ = m.node
    edges_ = tuple([decode_DecidedEdge(w) for w in m.edges])
    t = e.time
    time_ = t.seconds * 1000000 + t.nanos // 1000
    return EdgesDecided(
        seq=e.seq,
        time=time_,
        node=node_,
        edges=edges_,
    )


def encode_NodeSkipped(v: NodeSkipped) -> bytes:
    m = join(
        (
            texts_1[v.node],
            numbers_2_32[v.reason],
            framed(b"\x1a", encode_Payload(v.output)),
        )
    )
    return join((numbers_1_64[v.seq], b"\x12", CLOCKS[v.time], b"\xea\x03", LENGTHS[len(m)], m))


def decode_NodeSkipped(e: Any) -> NodeSkipped:
    m = e.node_skipped
    node_ = m.node
    reason_ = SkipReason_members.get(m.reason)
    if reason_ is None:
        raise unknown(SkipReason, m.reason)
    output_ = decode_Payload(m.output)
    t = e.time
    time_ = t.seconds * 1000000 + t.nanos // 1000
    return NodeSkipped(
        seq=e.seq,
        time=time_,
        node=node_,
        reason=reason_,
        output=output_,
    )


def encode_NodesUnreached(v: NodesUnreached) -> bytes:
    m = join(
        (
            (join([texts_1_always[w] for w in nodes_]) if (nodes_ := v.nodes) else b""),
        )
    )
    return join((numbers_1_64[v.seq], b"\x12", CLOCKS[v.time], b"\xf2\x03", LENGTHS[len(m)], m))


def decode_NodesUnreached(e: Any) -> NodesUnreached:
    m = e.nodes_unreached
    nodes_ = tuple(m.nodes)
    t = e.time
    time_ = t.seconds * 1000000 + t.nanos // 1000
    return NodesUnreached(
        seq=e.seq,
        time=time_,
        nodes=nodes_,
    )


def encode_NodeFailed(v: NodeFailed) -> bytes:
    m = join(
        (
            texts_1[v.node],
            framed(b"\x12", encode_Failure(v.failure)),
        )
    )
    return join((numbers_1_64[v.seq], b"\x12", CLOCKS[v.time], b"\xfa\x03", LENGTHS[len(m)], m))


def decode_NodeFailed(e: Any) -> NodeFailed:
    m = e.node_failed
    node_ = m.node
    failure_ = decode_Failure(m.failure)
    t = e.time
    time_ = t.seconds * 1000000 + t.nanos // 1000
    return NodeFailed(
        seq=e.seq,
        time=time_,
        node=node_,
        failure=failure_,
    )


def encode_NodeCompleted(v: NodeCompleted) -> bytes:
    m = join(
        (
            texts_1[v.node],
            framed(b"\x12", encode_Payload(v.output)),
            (b"\x18\x01" if v.seeded else b""),
        )
    )
    return join((numbers_1_64[v.seq], b"\x12", CLOCKS[v.time], b"\x82\x04", LENGTHS[len(m)], m))


def decode_NodeCompleted(e: Any) -> NodeCompleted:
    m = e.node_completed
    node_ = m.node
    output_ = decode_Payload(m.output)
    seeded_ = m.seeded
    t = e.time
    time_ = t.seconds * 1000000 + t.nanos // 1000
    return NodeCompleted(
        seq=e.seq,
        time=time_,
        node=node_,
        output=output_,
        seeded=seeded_,
    )


def encode_LoopTurned(v: LoopTurned) -> bytes:
    m = join(
        (
            texts_1[v.header],
            numbers_2_64[v.iteration],
        )
    )
    return join((numbers_1_64[v.seq], b"\x12", CLOCKS[v.time], b"\x8a\x04", LENGTHS[len(m)], m))


def decode_LoopTurned(e: Any) -> LoopTurned:
    m = e.loop_turned
    header_ = m.header
    iteration_ = m.iteration
    t = e.time
    time_ = t.seconds * 1000000 + t.nanos // 1000
    return LoopTurned(
        seq=e.seq,
        time=time_,
        header=header_,
        iteration=iteration_,
    )


def encode_MapStarted(v: MapStarted) -> bytes:
    m = join(
        (
            texts_1[v.node],
            (join([framed(b"\x12", w) for w in items_]) if (items_ := v.items) else b""),
        )
    )
    return join((numbers_1_64[v.seq], b"\x12", CLOCKS[v.time], b"\x92\x04", LENGTHS[len(m)], m))


def decode_MapStarted(e: Any) -> MapStarted:
    m = e.map_started
    node_ = m.node
    items_ = tuple(m.items)
    t = e.time
    time_ = t.seconds * 1000000 + t.nanos // 1000
    return MapStarted(
        seq=e.seq,
        time=time_,
        node=node_,
        items=items_,
    )


def encode_MapEnded(v: MapEnded) -> bytes:
    m = join(
        (
            texts_1[v.node],
            numbers_2_32[v.completed],
            numbers_3_32[v.failed],
            b"\x22" + CLOCKS[v.started_time],
            (framed(b"\x2a", encode_Failure(failure_)) if (failure_ := v.failure) is not None else b""),
        )
    )
    return join((numbers_1_64[v.seq], b"\x12", CLOCKS[v.time], b"\x9a\x04", LENGTHS[len(m)], m))


def decode_MapEnded(e: Any) -> MapEnded:
    m = e.map_ended
    node_ = m.node
    completed_ = m.completed
    failed_ = m.failed
    t = m.started_time
    started_time_ = t.seconds * 1000000 + t.nanos // 1000
    failure_: Failure | None = None
    if m.HasField("failure"):
        failure_ = decode_Failure(m.failure)
    t = e.time
    time_ = t.seconds * 1000000 + t.nanos // 1000
    return MapEnded(
        seq=e.seq,
        time=time_,
        node=node_,
        completed=completed_,
        failed=failed_,
        started_time=started_time_,
        failure=failure_,
    )


def encode_DecisionCompleted(v: DecisionCompleted) -> bytes:
    m = join(
        (
            texts_1[v.key],
            numbers_2_64[v.lease],
            numbers_3_32[v.attempt],
            numbers_4_64[v.seen_seq],
            numbers_5_32[v.first_index],
            (join([texts_6_always[w] for w in commands_]) if (commands_ := v.commands) else b""),
            texts_7[v.build_id],
            (b"\x40\x01" if v.keeps else b""),
            b"\x4a" + CLOCKS[v.started_time],
            b"\x52" + CLOCKS[v.scheduled_time],
            texts_11[v.identity],
            texts_12[v.type],
        )
    )
    return join((numbers_1_64[v.seq], b"\x12", CLOCKS[v.time], b"\xb2\x04", LENGTHS[len(m)], m))


def decode_DecisionCompleted(e: Any) -> DecisionCompleted:
    m = e.decision_completed
    key_ = m.key
    lease_ = m.lease
    attempt_ = m.attempt
    seen_seq_ = m.seen_seq
    first_index_ = m.first_index
    commands_ = tuple(m.commands)
    build_id_ = m.build_id
    t = m.started_time
    started_time_ = t.seconds * 1000000 + t.nanos // 1000
    t = m.scheduled_time
    scheduled_time_ = t.seconds * 1000000 + t.nanos // 1000
    identity_ = m.identity
    type_ = m.type
    keeps_ = m.keeps
    t = e.time
    time_ = t.seconds * 1000000 + t.nanos // 1000
    return DecisionCompleted(
        seq=e.seq,
        time=time_,
        key=key_,
        lease=lease_,
        attempt=attempt_,
        seen_seq=seen_seq_,
        first_index=first_index_,
        commands=commands_,
        build_id=build_id_,
        started_time=started_time_,
        scheduled_time=scheduled_time_,
        identity=identity_,
        type=type_,
        keeps=keeps_,
    )


def encode_MarkerRecorded(v: MarkerRecorded) -> bytes:
    m = join(
        (
            texts_1[v.key],
            texts_2[v.id],
        )
    )
    return join((numbers_1_64[v.seq], b"\x12", CLOCKS[v.time], b"\xba\x04", LENGTHS[len(m)], m))


def decode_MarkerRecorded(e: Any) -> MarkerRecorded:
    m = e.marker_recorded
    key_ = m.key
    id_ = m.id
    t = e.time
    time_ = t.seconds * 1000000 + t.nanos // 1000
    return MarkerRecorded(
        seq=e.seq,
        time=time_,
        key=key_,
        id=id_,
    )


def encode_UpdateReceived(v: UpdateReceived) -> bytes:
    m = join(
        (
            texts_1[v.update_id],
            texts_2[v.name],
            framed(b"\x1a", encode_Payload(v.input)),
            texts_4[v.actor],
        )
    )
    return join((numbers_1_64[v.seq], b"\x12", CLOCKS[v.time], b"\xc2\x04", LENGTHS[len(m)], m))


def decode_UpdateReceived(e: Any) -> UpdateReceived:
    m = e.update_received
    update_id_ = m.update_id
    name_ = m.name
    input_ = decode_Payload(m.input)
    actor_ = m.actor
    t = e.time
    time_ = t.seconds * 1000000 + t.nanos // 1000
    return UpdateReceived(
        seq=e.seq,
        time=time_,
        update_id=update_id_,
        name=name_,
        input=input_,
        actor=actor_,
    )


def encode_UpdateAnswered(v: UpdateAnswered) -> bytes:
    m = join(
        (
            texts_1[v.update_id],
            (framed(b"\x12", encode_Payload(output_)) if (output_ := v.output) is not None else b""),
            (framed(b"\x1a", encode_Failure(failure_)) if (failure_ := v.failure) is not None else b""),
        )
    )
    return join((numbers_1_64[v.seq], b"\x12", CLOCKS[v.time], b"\xca\x04", LENGTHS[len(m)], m))


def decode_UpdateAnswered(e: Any) -> UpdateAnswered:
    m = e.update_answered
    update_id_ = m.update_id
    output_: Payload | None = None
    if m.HasField("output"):
        output_ = decode_Payload(m.output)
    failure_: Failure | None = None
    if m.HasField("failure"):
        failure_ = decode_Failure(m.failure)
    t = e.time
    time_ = t.seconds * 1000000 + t.nanos // 1000
    return UpdateAnswered(
        seq=e.seq,
        time=time_,
        update_id=update_id_,
        output=output_,
        failure=failure_,
    )


def encode_CompensationRegistered(v: CompensationRegistered) -> bytes:
    m = join(
        (
            texts_1[v.key],
            texts_2[v.of],
            texts_3[v.type],
            texts_4[v.queue],
            framed(b"\x2a", encode_Payload(v.input)),
            framed(b"\x32", encode_RetryPolicy(v.retry)),
            b"\x3a" + CLOCKS[v.start_to_close_timeout],
        )
    )
    return join((numbers_1_64[v.seq], b"\x12", CLOCKS[v.time], b"\xda\x04", LENGTHS[len(m)], m))


def decode_CompensationRegistered(e: Any) -> CompensationRegistered:
    m = e.compensation_registered
    key_ = m.key
    of_ = m.of
    type_ = m.type
    queue_ = m.queue
    input_ = decode_Payload(m.input)
    retry_ = decode_RetryPolicy(m.retry)
    t = m.start_to_close_timeout
    start_to_close_timeout_ = t.seconds * 1000000 + t.nanos // 1000
    t = e.time
    time_ = t.seconds * 1000000 + t.nanos // 1000
    return CompensationRegistered(
        seq=e.seq,
        time=time_,
        key=key_,
        of=of_,
        type=type_,
        queue=queue_,
        input=input_,
        retry=retry_,
        start_to_close_timeout=start_to_close_timeout_,
    )


def encode_CompensationStarted(v: CompensationStarted) -> bytes:
    m = b""
    return join((numbers_1_64[v.seq], b"\x12", CLOCKS[v.time], b"\xe2\x04", LENGTHS[len(m)], m))


def decode_CompensationStarted(e: Any) -> CompensationStarted:
    t = e.time
    time_ = t.seconds * 1000000 + t.nanos // 1000
    return CompensationStarted(
        seq=e.seq,
        time=time_,
    )


def encode_CompensationEnded(v: CompensationEnded) -> bytes:
    m = join(
        (
            (join([texts_1_always[w] for w in undone_]) if (undone_ := v.undone) else b""),
            (join([texts_2_always[w] for w in not_undone_]) if (not_undone_ := v.not_undone) else b""),
        )
    )
    return join((numbers_1_64[v.seq], b"\x12", CLOCKS[v.time], b"\xea\x04", LENGTHS[len(m)], m))


def decode_CompensationEnded(e: Any) -> CompensationEnded:
    m = e.compensation_ended
    undone_ = tuple(m.undone)
    not_undone_ = tuple(m.not_undone)
    t = e.time
    time_ = t.seconds * 1000000 + t.nanos // 1000
    return CompensationEnded(
        seq=e.seq,
        time=time_,
        undone=undone_,
        not_undone=not_undone_,
    )


def encode_TransitionTaken(v: TransitionTaken) -> bytes:
    m = join(
        (
            numbers_1_64[v.number],
            numbers_2_32[v.cause],
            texts_3[v.name],
            texts_4[v.event_id],
            texts_5[v.key],
            (join([texts_6_always[w] for w in transitions_]) if (transitions_ := v.transitions) else b""),
            (wire.messages(b"\x3a", encode_StateVisit, exited_) if (exited_ := v.exited) else b""),
            (join([texts_8_always[w] for w in entered_]) if (entered_ := v.entered) else b""),
            (b"\x48\x01" if v.settled else b""),
            (join([texts_10_always[w] for w in active_]) if (active_ := v.active) else b""),
            (wire.messages(b"\x5a", encode_StateHistory, history_) if (history_ := v.history) else b""),
        )
    )
    return join((numbers_1_64[v.seq], b"\x12", CLOCKS[v.time], b"\x82\x05", LENGTHS[len(m)], m))


def decode_TransitionTaken(e: Any) -> TransitionTaken:
    m = e.transition_taken
    number_ = m.number
    cause_ = TransitionCause_members.get(m.cause)
    if cause_ is None:
        raise unknown(TransitionCause, m.cause)
    name_ = m.name
    event_id_ = m.event_id
    key_ = m.key
    transitions_ = tuple(m.transitions)
    exited_ = tuple([decode_StateVisit(w) for w in m.exited])
    entered_ = tuple(m.entered)
    settled_ = m.settled
    active_ = tuple(m.active)
    history_ = tuple([decode_StateHistory(w) for w in m.history])
    t = e.time
    time_ = t.seconds * 1000000 + t.nanos // 1000
    return TransitionTaken(
        seq=e.seq,
        time=time_,
        number=number_,
        cause=cause_,
        name=name_,
        event_id=event_id_,
        key=key_,
        transitions=transitions_,
        exited=exited_,
        entered=entered_,
        settled=settled_,
        active=active_,
        history=history_,
    )


def encode_ConfigurationSettled(v: ConfigurationSettled) -> bytes:
    m = join(
        (
            (join([texts_1_always[w] for w in active_]) if (active_ := v.active) else b""),
            (wire.messages(b"\x12", encode_StateHistory, history_) if (history_ := v.history) else b""),
            (b"\x18\x01" if v.failed else b""),
            (b"\x20\x01" if v.moved else b""),
        )
    )
    return join((numbers_1_64[v.seq], b"\x12", CLOCKS[v.time], b"\x8a\x05", LENGTHS[len(m)], m))


def decode_ConfigurationSettled(e: Any) -> ConfigurationSettled:
    m = e.configuration_settled
    active_ = tuple(m.active)
    history_ = tuple([decode_StateHistory(w) for w in m.history])
    failed_ = m.failed
    moved_ = m.moved
    t = e.time
    time_ = t.seconds * 1000000 + t.nanos // 1000
    return ConfigurationSettled(
        seq=e.seq,
        time=time_,
        active=active_,
        history=history_,
        failed=failed_,
        moved=moved_,
    )


def encode_EventIgnored(v: EventIgnored) -> bytes:
    m = join(
        (
            texts_1[v.name],
            numbers_2_32[v.cause],
            texts_3[v.event_id],
            texts_4[v.key],
        )
    )
    return join((numbers_1_64[v.seq], b"\x12", CLOCKS[v.time], b"\x92\x05", LENGTHS[len(m)], m))


def decode_EventIgnored(e: Any) -> EventIgnored:
    m = e.event_ignored
    name_ = m.name
    cause_ = TransitionCause_members.get(m.cause)
    if cause_ is None:
        raise unknown(TransitionCause, m.cause)
    event_id_ = m.event_id
    key_ = m.key
    t = e.time
    time_ = t.seconds * 1000000 + t.nanos // 1000
    return EventIgnored(
        seq=e.seq,
        time=time_,
        name=name_,
        cause=cause_,
        event_id=event_id_,
        key=key_,
    )


def encode_EventRaised(v: EventRaised) -> bytes:
    m = join(
        (
            texts_1[v.key],
            texts_2[v.name],
            framed(b"\x1a", encode_Payload(v.payload)),
        )
    )
    return join((numbers_1_64[v.seq], b"\x12", CLOCKS[v.time], b"\x9a\x05", LENGTHS[len(m)], m))


def decode_EventRaised(e: Any) -> EventRaised:
    m = e.event_raised
    key_ = m.key
    name_ = m.name
    payload_ = decode_Payload(m.payload)
    t = e.time
    time_ = t.seconds * 1000000 + t.nanos // 1000
    return EventRaised(
        seq=e.seq,
        time=time_,
        key=key_,
        name=name_,
        payload=payload_,
    )


def encode_MemoryChanged(v: MemoryChanged) -> bytes:
    m = join(
        (
            texts_1[v.key],
            (wire.messages(b"\x12", encode_MemoryOperation, operations_) if (operations_ := v.operations) else b""),
        )
    )
    return join((numbers_1_64[v.seq], b"\x12", CLOCKS[v.time], b"\xa2\x05", LENGTHS[len(m)], m))


def decode_MemoryChanged(e: Any) -> MemoryChanged:
    m = e.memory_changed
    key_ = m.key
    operations_ = tuple([decode_MemoryOperation(w) for w in m.operations])
    t = e.time
    time_ = t.seconds * 1000000 + t.nanos // 1000
    return MemoryChanged(
        seq=e.seq,
        time=time_,
        key=key_,
        operations=operations_,
    )


def encode_GroupStarted(v: GroupStarted) -> bytes:
    m = join(
        (
            numbers_1_64[v.total],
            numbers_2_64[v.quota],
            (b"\x18\x01" if v.counts_ended else b""),
            (b"\x20\x01" if v.leaves else b""),
            (b"\x2a" + CLOCKS[duration_] if (duration_ := v.duration) is not None else b""),
        )
    )
    return join((numbers_1_64[v.seq], b"\x12", CLOCKS[v.time], b"\xd2\x05", LENGTHS[len(m)], m))


def decode_GroupStarted(e: Any) -> GroupStarted:
    m = e.group_started
    total_ = m.total
    quota_ = m.quota
    counts_ended_ = m.counts_ended
    leaves_ = m.leaves
    duration_: int | None = None
    if m.HasField("duration"):
        t = m.duration
        duration_ = t.seconds * 1000000 + t.nanos // 1000
    t = e.time
    time_ = t.seconds * 1000000 + t.nanos // 1000
    return GroupStarted(
        seq=e.seq,
        time=time_,
        total=total_,
        quota=quota_,
        counts_ended=counts_ended_,
        leaves=leaves_,
        duration=duration_,
    )


def encode_GroupClosed(v: GroupClosed) -> bytes:
    m = join(
        (
            texts_1[v.reason],
        )
    )
    return join((numbers_1_64[v.seq], b"\x12", CLOCKS[v.time], b"\xda\x05", LENGTHS[len(m)], m))


def decode_GroupClosed(e: Any) -> GroupClosed:
    m = e.group_closed
    reason_ = m.reason
    t = e.time
    time_ = t.seconds * 1000000 + t.nanos // 1000
    return GroupClosed(
        seq=e.seq,
        time=time_,
        reason=reason_,
    )


ENCODERS: Final[dict[type, Callable[..., bytes]]] = {
    Payload: encode_Payload,
    Failure: encode_Failure,
    RetryPolicy: encode_RetryPolicy,
    CompareAndSet: encode_CompareAndSet,
    MemoryOperation: encode_MemoryOperation,
    DecidedEdge: encode_DecidedEdge,
    CarriedEvent: encode_CarriedEvent,
    SeedOutcome: encode_SeedOutcome,
    StateVisit: encode_StateVisit,
    StateHistory: encode_StateHistory,
    Held: encode_Held,
    RunStarted: encode_RunStarted,
    RunCompleted: encode_RunCompleted,
    RunFailed: encode_RunFailed,
    RunCancelled: encode_RunCancelled,
    RunTimedOut: encode_RunTimedOut,
    RunTerminated: encode_RunTerminated,
    CancelRequested: encode_CancelRequested,
    StateRecorded: encode_StateRecorded,
    RunPaused: encode_RunPaused,
    RunResumed: encode_RunResumed,
    RunContinued: encode_RunContinued,
    AttributeSet: encode_AttributeSet,
    RunHeld: encode_RunHeld,
    IncidentAnswered: encode_IncidentAnswered,
    ActivityScheduled: encode_ActivityScheduled,
    AttemptStarted: encode_AttemptStarted,
    AttemptFailed: encode_AttemptFailed,
    ActivityRequeued: encode_ActivityRequeued,
    ActivityCompleted: encode_ActivityCompleted,
    ActivityFailed: encode_ActivityFailed,
    ActivityCancelRequested: encode_ActivityCancelRequested,
    ActivityCancelled: encode_ActivityCancelled,
    ActivityOverridden: encode_ActivityOverridden,
    TimerStarted: encode_TimerStarted,
    TimerFired: encode_TimerFired,
    TimerCancelled: encode_TimerCancelled,
    EventReceived: encode_EventReceived,
    WaitStarted: encode_WaitStarted,
    WaitSatisfied: encode_WaitSatisfied,
    WaitTimedOut: encode_WaitTimedOut,
    WaitCancelled: encode_WaitCancelled,
    EventSent: encode_EventSent,
    ChildRequested: encode_ChildRequested,
    ChildStarted: encode_ChildStarted,
    ChildEnded: encode_ChildEnded,
    ChildCancelRequested: encode_ChildCancelRequested,
    EdgesDecided: encode_EdgesDecided,
    NodeSkipped: encode_NodeSkipped,
    NodesUnreached: encode_NodesUnreached,
    NodeFailed: encode_NodeFailed,
    NodeCompleted: encode_NodeCompleted,
    LoopTurned: encode_LoopTurned,
    MapStarted: encode_MapStarted,
    MapEnded: encode_MapEnded,
    DecisionCompleted: encode_DecisionCompleted,
    MarkerRecorded: encode_MarkerRecorded,
    UpdateReceived: encode_UpdateReceived,
    UpdateAnswered: encode_UpdateAnswered,
    CompensationRegistered: encode_CompensationRegistered,
    CompensationStarted: encode_CompensationStarted,
    CompensationEnded: encode_CompensationEnded,
    TransitionTaken: encode_TransitionTaken,
    ConfigurationSettled: encode_ConfigurationSettled,
    EventIgnored: encode_EventIgnored,
    EventRaised: encode_EventRaised,
    MemoryChanged: encode_MemoryChanged,
    GroupStarted: encode_GroupStarted,
    GroupClosed: encode_GroupClosed,
}


EVENT_DECODERS: Final[dict[str, Callable[[Any], Any]]] = {
    "run_started": decode_RunStarted,
    "run_completed": decode_RunCompleted,
    "run_failed": decode_RunFailed,
    "run_cancelled": decode_RunCancelled,
    "run_timed_out": decode_RunTimedOut,
    "run_terminated": decode_RunTerminated,
    "cancel_requested": decode_CancelRequested,
    "state_recorded": decode_StateRecorded,
    "run_paused": decode_RunPaused,
    "run_resumed": decode_RunResumed,
    "run_continued": decode_RunContinued,
    "attribute_set": decode_AttributeSet,
    "run_held": decode_RunHeld,
    "incident_answered": decode_IncidentAnswered,
    "activity_scheduled": decode_ActivityScheduled,
    "attempt_started": decode_AttemptStarted,
    "attempt_failed": decode_AttemptFailed,
    "activity_requeued": decode_ActivityRequeued,
    "activity_completed": decode_ActivityCompleted,
    "activity_failed": decode_ActivityFailed,
    "activity_cancel_requested": decode_ActivityCancelRequested,
    "activity_cancelled": decode_ActivityCancelled,
    "activity_overridden": decode_ActivityOverridden,
    "timer_started": decode_TimerStarted,
    "timer_fired": decode_TimerFired,
    "timer_cancelled": decode_TimerCancelled,
    "event_received": decode_EventReceived,
    "wait_started": decode_WaitStarted,
    "wait_satisfied": decode_WaitSatisfied,
    "wait_timed_out": decode_WaitTimedOut,
    "wait_cancelled": decode_WaitCancelled,
    "event_sent": decode_EventSent,
    "child_requested": decode_ChildRequested,
    "child_started": decode_ChildStarted,
    "child_ended": decode_ChildEnded,
    "child_cancel_requested": decode_ChildCancelRequested,
    "edges_decided": decode_EdgesDecided,
    "node_skipped": decode_NodeSkipped,
    "nodes_unreached": decode_NodesUnreached,
    "node_failed": decode_NodeFailed,
    "node_completed": decode_NodeCompleted,
    "loop_turned": decode_LoopTurned,
    "map_started": decode_MapStarted,
    "map_ended": decode_MapEnded,
    "decision_completed": decode_DecisionCompleted,
    "marker_recorded": decode_MarkerRecorded,
    "update_received": decode_UpdateReceived,
    "update_answered": decode_UpdateAnswered,
    "compensation_registered": decode_CompensationRegistered,
    "compensation_started": decode_CompensationStarted,
    "compensation_ended": decode_CompensationEnded,
    "transition_taken": decode_TransitionTaken,
    "configuration_settled": decode_ConfigurationSettled,
    "event_ignored": decode_EventIgnored,
    "event_raised": decode_EventRaised,
    "memory_changed": decode_MemoryChanged,
    "group_started": decode_GroupStarted,
    "group_closed": decode_GroupClosed,
}
