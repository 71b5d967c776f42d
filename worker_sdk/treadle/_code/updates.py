"""Updates: what others ask the code to do, and wait for."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from typing import Any

from treadle import payload
from treadle._code.ending import ContinueAsNew, failure_of
from treadle._code.run import Run
from treadle._types.mismatch import Mismatch as InputMismatch
from treadle.activities import Activity
from treadle.errors import ApplicationError, DefinitionError, PayloadError
from treadle.v1 import event_pb2, payload_pb2
from treadle.v1.decision_pb2 import AnswerUpdateCommand, DecisionCommand

Handler = Callable[..., Any]


class Updates:
    """Handlers by name, and updates that came before theirs was there."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._handlers: dict[str, tuple[Activity[..., Any], Handler | None]] = {}
        self._early: list[event_pb2.UpdateReceived] = []

    def handle(self, name: str, handler: Handler, validator: Handler | None) -> None:
        """From now on updates of this name are answered by `handler`."""
        self._handlers[name] = (Activity(handler, name=name), validator)
        early, self._early = self._early, []
        for update in early:
            self.receive(update)

    def receive(self, update: event_pb2.UpdateReceived) -> None:
        """Somebody asks."""
        found = self._handlers.get(update.name)
        if found is None and not self._run.ending.winding_down:
            self._early.append(update)
            return
        if found is None:
            failure = payload_pb2.Failure(
                kind="treadle.RunEnded", message="the run is ending and takes no more updates"
            )
            self._answer(update, AnswerUpdateCommand(failure=failure))
            return
        handler, validator = found
        self._run.loop.create_task(
            self._carry_out(update, handler, validator), name=f"update {update.name}"
        )

    async def _carry_out(
        self,
        update: event_pb2.UpdateReceived,
        handler: Activity[..., Any],
        validator: Handler | None,
    ) -> None:
        try:
            arguments = handler.arguments(update.input, None)  # type: ignore[arg-type]
            if validator is not None:
                await _given(validator(**arguments))
            output = await _given(handler.function(**arguments))
            answer = AnswerUpdateCommand(output=payload.encode(output))
        except (InputMismatch, PayloadError) as error:
            refused = ApplicationError(str(error), kind="treadle.InvalidInput")
            answer = AnswerUpdateCommand(failure=failure_of(refused))
        except ContinueAsNew:
            refusal = DefinitionError(
                "an update cannot continue its run as a new one; have it set a variable that the "
                "workflow's own code looks at"
            )
            answer = AnswerUpdateCommand(failure=failure_of(refusal))
        except asyncio.CancelledError as error:
            if self._run.ending.winding_down or self._run.dead:
                raise  # the run's end is the answer
            answer = AnswerUpdateCommand(failure=failure_of(error))
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the answer
            answer = AnswerUpdateCommand(failure=failure_of(error))
        self._answer(update, answer)

    def _answer(self, update: event_pb2.UpdateReceived, answer: AnswerUpdateCommand) -> None:
        answer.update_id = update.update_id
        self._run.issue(f"answer {update.name}", DecisionCommand(answer_update=answer))


async def _given(output: Any) -> Any:
    """What a function gives, plain or async."""
    return await output if inspect.isawaitable(output) else output
