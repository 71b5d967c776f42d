"""Transcripts: a text file of commands, and after `----` all that the engine did about them.

A file is made of blocks, with an empty line after each:

    start {"order": 17}
    ----
      1 +0s RunStarted input={"order": 17}
      2 +0s ActivityScheduled charge input={"order": 17}
    queue default: +charge, ready +0s
    offer charge

Each line above the `----` is one turn; a line that begins with `&` is a further input of the turn
before. Lines that begin with `#` say what to look at.

    graph                         the document, as YAML on the lines that follow
    code                          a workflow that is code
    start [JSON] [timeout=1h]     a new run of the graph, at time 0
    wait DURATION                 state                 continue
    grant KEY [session=S lease=30s worker=W]            complete KEY [JSON] [memory=JSON]
    fail KEY KIND [message=TEXT details=JSON next=5s final]
    stopped KEY                   return KEY            lose KEY
    wake [alive=S silent=S]       cancel [as-it-is]     terminate
    answer KEY retry|fail|skip [JSON]                   skip KEY JSON
    pause                         resume                9 times: grant a, lose a
    event NAME [JSON] id=ID       child KEY started|END [JSON]
    update NAME [JSON] id=ID
    decide [seen=N first=N keep=yes kept=NAME] WHAT...  what a worker that has the code reports

`lease=N` makes a report about an older attempt; `alive=` renews the leases of a session by 30 s,
`silent=` too, but only because nothing is known of it;
`memory=` is a list of operations, `[{"key": "n", "add": 1}]`.

WHAT of `decide` is a command: `step:charge cached:sum activity:ship timer:10s overdue:1s wait:paid
child:pack send:told stop:N publish:progress marker:id answer:ID undoable:N compensate undo:N
compensated:N,M complete fail:KIND cancel again`, or what became of step N: `ok:N bad:N stopped:N
goes-on:N`. After `then`: what the code wants if the steps complete.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.engine.rendering import moment, render_state, render_turn
from tests.engine.run_driver import SECOND, RunDriver, document
from treadle_server.cli.yaml_text import compose, read
from treadle_server.definitions.document import parse_duration
from treadle_server.definitions.errors import DefinitionInvalid
from treadle_server.engine import commands as c
from treadle_server.engine import inputs as i
from treadle_server.engine.code import DECISION
from treadle_server.engine.transitions import RunStage
from treadle_server.engine.values import (
    NULL,
    ChildEnd,
    CompareAndSet,
    Failure,
    IncidentAnswer,
    MemoryOperation,
    ParentClosePolicy,
    Payload,
    RetryPolicy,
)

SEPARATOR = "----"
_TIMES = re.compile(r"(\d+) times: (.*)")


@dataclass(slots=True)
class Block:
    """Some commands, and what came of them."""

    comments: list[str] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)

    def text(self, outcome: list[str]) -> str:
        """The block with this outcome."""
        return "\n".join([*self.comments, *self.commands, SEPARATOR, *outcome])


def parse(text: str) -> list[Block]:
    """The blocks of a transcript. A graph may have empty lines in it, an outcome may not."""
    blocks: list[Block] = []
    block, in_commands = Block(), True
    for line in [*text.splitlines(), ""]:
        if in_commands and line == SEPARATOR:
            in_commands = False
        elif in_commands and line.startswith("#") and not block.commands:
            block.comments.append(line)
        elif in_commands:
            if line or block.commands:
                block.commands.append(line)
        elif line:
            block.expected.append(line)
        else:
            blocks.append(block)
            block, in_commands = Block(), True
    if block.commands:
        raise ValueError(f"no {SEPARATOR} after {block.commands[0]!r}")
    return blocks


def join(blocks: list[Block], outcomes: list[list[str]]) -> str:
    """The whole transcript with these outcomes."""
    return "".join(
        block.text(outcome) + "\n\n" for block, outcome in zip(blocks, outcomes, strict=True)
    ).removesuffix("\n")


class Transcript:
    """Carries out the commands of one file."""

    def __init__(self) -> None:
        self.driver: RunDriver | None = None

    def run(self, block: Block) -> list[str]:
        """What comes of a block, as lines."""
        if block.commands[0] == "graph":
            return list(self._graph("\n".join(block.commands[1:])))
        if block.commands[0] == "code":
            self.driver = RunDriver({"treadle": "v1", "kind": "code", "name": "code"})
            return ["ok"]
        outcome: list[str] = []
        turns: list[list[str]] = []
        for line in block.commands:
            if line.startswith("&"):
                turns[-1].append(line[1:].strip())
            else:
                turns.append([line])
        for lines in turns:
            if len(turns) > 1:
                outcome.append(f"> {' & '.join(lines)}")
            outcome += self._take(lines) or ["nothing"]
        return outcome

    def _graph(self, text: str) -> Iterator[str]:
        try:
            [root] = compose(text)
            graph = read(root)
            assert isinstance(graph, dict), "a graph is an object"
            self.driver = RunDriver(document(**graph))
        except DefinitionInvalid as invalid:
            yield from (f"refused {fault.path}: {fault.message}" for fault in invalid.violations)
        else:
            yield "ok"

    def _take(self, lines: list[str]) -> list[str]:
        driver = self.driver
        assert driver is not None, "a transcript begins with a graph"
        if match := _TIMES.fullmatch(lines[0]):
            return self._repeat(int(match[1]), match[2].split(", "))
        word, _, rest = lines[0].partition(" ")
        if word == "wait":
            driver.now += parse_duration(rest) or 0
            return [f"now {moment(driver.now)}"]
        if word == "state":
            return list(render_state(driver.state))
        if word == "start":
            self.driver = driver = RunDriver(driver.compiled)
            words = Words(rest)
            timeout = parse_duration(words.options.get("timeout"))
            turn = driver.start(_payload(words.next_or("null")), timeout)
        else:
            turn = driver.turn(*(self._input(driver, Words(line)) for line in lines))
        lines = list(render_turn(turn, driver.state))
        if driver.state.stage is RunStage.RUNNING:
            wake_time = driver.state.wake_time
            lines.append(f"wake {'never' if wake_time is None else moment(wake_time)}")
        return lines

    def _repeat(self, times: int, lines: list[str]) -> list[str]:
        assert self.driver is not None, "a transcript begins with a graph"
        before = len(self.driver.events)
        for line in lines * times:
            self._take([line])
        return [f"{len(self.driver.events) - before} events"]

    def _input(self, driver: RunDriver, words: Words) -> i.Input:
        name = words.next()
        return _INPUTS[name](driver, words)


class Words:
    """The words of one command: plain ones in order, and options."""

    def __init__(self, line: str) -> None:
        self.plain: list[str] = []
        self.options: dict[str, str] = {}
        for word in _split(line):
            name, equals, value = word.partition("=")
            if equals and name.isidentifier():
                self.options[name] = value
            else:
                self.plain.append(word)

    def next(self) -> str:
        """The next plain word."""
        return self.plain.pop(0)

    def next_or(self, default: str) -> str:
        """The next plain word, if there is one."""
        return self.plain.pop(0) if self.plain else default


def _split(line: str) -> list[str]:
    """Words at blanks, but not at those inside of quotes or brackets."""
    words = [""]
    depth, quoted = 0, False
    for character in line.strip():
        if character == '"':
            quoted = not quoted
        elif not quoted:
            depth += (character in "{[") - (character in "}]")
        if character == " " and not quoted and not depth:
            words.append("")
        else:
            words[-1] += character
    return [word for word in words if word]


def _payload(text: str) -> Payload:
    return Payload(text.encode())


def _lease(driver: RunDriver, words: Words, key: str) -> int:
    given = words.options.get("lease")
    return driver.lease(key) if given is None else int(given)


def _grant(_driver: RunDriver, words: Words) -> i.Input:
    return i.GrantLease(
        key=words.next(),
        session_id=words.options.get("session", ""),
        identity=words.options.get("worker", "w"),
        build_id="",
        lease_duration=parse_duration(words.options.get("lease")),
    )


def _complete(driver: RunDriver, words: Words) -> i.Input:
    key = words.next()
    operations = json.loads(words.options.get("memory", "[]"))
    return i.CompleteAttempt(
        key=key,
        lease=_lease(driver, words, key),
        output=_payload(words.next_or("null")),
        memory_operations=tuple(_operation(one) for one in operations),
        skipped=words.next_or("") == "skipped",
    )


def _operation(one: dict[str, Any]) -> MemoryOperation:
    def payload(name: str) -> Payload | None:
        return _payload(json.dumps(one[name])) if name in one else None

    swap = None
    if (value := payload("put")) is not None:
        swap = CompareAndSet(value=value, expected=payload("expected"))
    return MemoryOperation(
        key=one["key"],
        set=payload("set"),
        delete=one.get("delete", False),
        add=float(one["add"]) if "add" in one else None,
        compare_and_set=swap,
    )


def _fail(driver: RunDriver, words: Words) -> i.Input:
    key = words.next()
    kind = words.next()
    details = words.options.get("details")
    failure = Failure(
        kind=kind,
        message=words.options.get("message", "").strip('"'),
        details=None if details is None else _payload(details),
        non_retryable=words.next_or("") == "final",
        next_delay=parse_duration(words.options.get("next")),
    )
    return i.FailAttempt(key=key, lease=_lease(driver, words, key), failure=failure)


def _stopped(driver: RunDriver, words: Words) -> i.Input:
    key = words.next()
    return i.CancelAttempt(key=key, lease=_lease(driver, words, key))


def _return(driver: RunDriver, words: Words) -> i.Input:
    key = words.next()
    return i.ReturnLease(key=key, lease=_lease(driver, words, key), reason="the poll was gone")


def _lose(driver: RunDriver, words: Words) -> i.Input:
    key = words.next()
    return i.LoseLease(key=key, lease=_lease(driver, words, key), reason="the worker was killed")


def _wake(driver: RunDriver, words: Words) -> i.Input:
    alive = words.options.get("alive")
    until = driver.now + 30 * SECOND
    known = {
        alive: i.Renewal(until=until, heartbeat_time=driver.now),
        words.options.get("silent"): i.Renewal(until=until, silent=True),
    }
    return i.Wake(renewals=lambda session, _lease: known.get(session, i.NO_RENEWAL))


def _answer(_driver: RunDriver, words: Words) -> i.Input:
    key = words.next()
    answer = IncidentAnswer[words.next().upper()]
    output = _payload(words.next_or("null")) if answer is IncidentAnswer.SKIP else None
    return i.AnswerHeld(key=key, answer=answer, actor="ann", reason="", output=output)


def _skip(_driver: RunDriver, words: Words) -> i.Input:
    key = words.next()
    return i.SkipActivity(key=key, output=_payload(words.next_or("null")), actor="ann", reason="")


def _event(_driver: RunDriver, words: Words) -> i.Input:
    name = words.next()
    payload = _payload(words.next_or("null"))
    return i.ReceiveEvent(event_id=words.options["id"], name=name, payload=payload)


def _child(_driver: RunDriver, words: Words) -> i.Input:
    key, word = words.next(), words.next()
    if word == "started":
        return i.NoteChild(key=key)
    end = ChildEnd[word.upper()]
    output = _payload(words.next_or("null")) if end is ChildEnd.COMPLETED else None
    return i.NoteChild(key=key, end=end, output=output)


def _update(_driver: RunDriver, words: Words) -> i.Input:
    name = words.next()
    payload = _payload(words.next_or("null"))
    return i.ReceiveUpdate(update_id=words.options["id"], name=name, input=payload)


def _decide(driver: RunDriver, words: Words) -> i.Input:
    progress = driver.state.code
    first = int(words.options.get("first", progress.next_index))
    commands: list[i.CodeCommand] = []
    ending: list[i.CodeCommand] = []
    steps: list[i.StepOutcome] = []
    last = commands
    for word in words.plain:
        what, _, rest = word.partition(":")
        if what == "then":
            last = ending
        elif what in _OUTCOMES:
            steps.append(i.StepOutcome(index=int(rest), took=SECOND, **_OUTCOMES[what]))
        else:
            key = f"c{first + len(commands) + len(ending)}"
            command = _COMMANDS[what](key, rest, driver.now)
            description = " ".join(filter(None, (what, "" if what == "timer" else rest)))
            last.append(i.CodeCommand(description=description, command=command))
    return i.ReportDecision(
        lease=_lease(driver, words, DECISION),
        seen_seq=int(words.options.get("seen", driver.state.seq)),
        first_index=first,
        commands=tuple(commands),
        steps=tuple(steps),
        keep="keep" in words.options,
        ending=tuple(ending),
        kept_results={name: NULL for name in words.options.get("kept", "").split(",") if name},
    )


def _work(
    key: str, name: str, *, local: bool, undoes: str = "", cache: str = ""
) -> c.ScheduleActivity:
    options = c.ActivityOptions(
        type=name,
        queue="default",
        retry=RetryPolicy(max_attempts=2, jitter=0.0),
        start_to_close_timeout=600 * SECOND,
        local=local,
        hold_on_failure=bool(undoes),
        cache_key=cache,
        cache_ttl=3_600 * SECOND if cache else None,
    )
    return c.ScheduleActivity(key, options, NULL, compensates=undoes)


def _keys(rest: str) -> tuple[str, ...]:
    return tuple(f"c{number}" for number in rest.split(",") if number)


_COMMANDS: dict[str, Callable[[str, str, int], c.Command]] = {
    "step": lambda key, name, _: _work(key, name, local=True),
    "cached": lambda key, name, _: _work(key, name, local=True, cache=name),
    "activity": lambda key, name, _: _work(key, name, local=False),
    "timer": lambda key, text, now: c.StartTimer(
        key, NULL, not_before=now + (parse_duration(text) or 0)
    ),
    "overdue": lambda key, text, now: c.StartTimer(
        key, NULL, not_before=now - (parse_duration(text) or 0)
    ),
    "wait": lambda key, name, _: c.StartWait(key, name, None, "event.ok"),
    "child": lambda key, name, _: c.StartChild(
        key, name, 0, "", NULL, ParentClosePolicy.TERMINATE, awaited=True
    ),
    "send": lambda key, name, _: c.SendEvent(key, name, NULL, "other"),
    "stop": lambda _key, number, _: c.Stop(f"c{number}"),
    "publish": lambda key, name, _: c.SetAttribute(key, name, NULL),
    "marker": lambda key, name, _: c.RecordMarker(key, name),
    "answer": lambda _key, name, _: c.AnswerUpdate(name, output=NULL),
    "undoable": lambda _key, number, _: c.NoteCompensation(f"c{number}", "undo"),
    "compensate": lambda _key, _rest, _: c.StartCompensation(),
    "undo": lambda key, number, _: _work(key, "undo", local=True, undoes=f"c{number}"),
    "compensated": lambda _key, rest, _: c.EndCompensation(_keys(rest), ()),
    "complete": lambda _key, _rest, _: c.CompleteRun(NULL),
    "fail": lambda _key, kind, _: c.FailRun(Failure(kind=kind)),
    "cancel": lambda _key, _rest, _: c.CancelRun(),
    "again": lambda _key, _rest, _: c.ContinueAsNew(NULL),
}

_OUTCOMES: dict[str, dict[str, Any]] = {
    "ok": {"output": NULL},
    "bad": {"failure": Failure(kind="Broken")},
    "stopped": {"cancelled": True},
    "goes-on": {"goes_on": True},
}

_INPUTS: dict[str, Callable[[RunDriver, Words], i.Input]] = {
    "update": _update,
    "decide": _decide,
    "grant": _grant,
    "complete": _complete,
    "fail": _fail,
    "stopped": _stopped,
    "return": _return,
    "lose": _lose,
    "wake": _wake,
    "cancel": lambda _driver, words: i.RequestCancel(
        reason="enough", actor="ann", skip_compensation=words.next_or("") == "as-it-is"
    ),
    "skip": _skip,
    "event": _event,
    "child": _child,
    "pause": lambda _driver, _words: i.Pause(reason="", actor="ann"),
    "resume": lambda _driver, _words: i.Resume(actor="ann"),
    "terminate": lambda _driver, _words: i.Terminate(reason="now", actor="ann"),
    "answer": _answer,
    "continue": lambda _driver, _words: i.Continue(),
}
