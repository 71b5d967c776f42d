"""The handlers of every method: raw bytes in, our own parsing, every error from one table.

gRPC's Python stack answers an undecodable message, and any exception of a handler, with UNKNOWN and
the exception's text. So handlers get bytes, parse them here, and let nothing out that is not from
`errors.CODES`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import grpc
from google.protobuf import symbol_database
from google.protobuf.message import DecodeError

from treadle.v1 import (
    conversation_service_pb2,
    definition_service_pb2,
    run_service_pb2,
    worker_service_pb2,
)
from treadle_server.api.conversation import Answer
from treadle_server.api.conversation_service import ConversationService
from treadle_server.api.definition_service import DefinitionService
from treadle_server.api.errors import abort, invalid
from treadle_server.api.group_methods import GroupMethods
from treadle_server.api.local_socket import LocalSocket
from treadle_server.api.pages import Pages
from treadle_server.api.run_service import RunService
from treadle_server.api.watch_methods import WatchMethods
from treadle_server.api.worker_service import WorkerService
from treadle_server.clock import Clock
from treadle_server.engine.values import Duration
from treadle_server.runs.service import Runs

LONGEST_WAIT: Duration = 60 * 1_000_000
"""For which a poll, or a wait for a run's end, is held open; who wants longer asks again."""

Handler = Any
"""`grpc.RpcMethodHandler`; its stubs are generic, it is not."""

_FILES = (definition_service_pb2, run_service_pb2, worker_service_pb2, conversation_service_pb2)


def handlers(
    runs: Runs,
    clock: Clock,
    page_secret: bytes,
    *,
    sampling_ratio: float = 1.0,
    longest_wait: Duration = LONGEST_WAIT,
    local_socket: LocalSocket | None = None,
) -> dict[str, dict[str, Handler]]:
    """By service (full name) and method (short name)."""
    pages = Pages(page_secret)
    carried: dict[str, Answer] = {} if local_socket is None else local_socket.methods
    conversations = ConversationService(carried, local_socket)
    runs.when_draining(conversations.stop)
    services: dict[str, tuple[Any, ...]] = {
        "DefinitionService": (DefinitionService(runs, pages),),
        "RunService": (
            RunService(runs, pages, clock, longest_wait),
            GroupMethods(runs, pages),
            WatchMethods(runs),
        ),
        "WorkerService": (WorkerService(runs, sampling_ratio, longest_wait),),
        "ConversationService": (conversations,),
    }
    return {
        descriptor.full_name: _of_service(descriptor, services[name], carried)
        for file in _FILES
        for name, descriptor in file.DESCRIPTOR.services_by_name.items()
    }


def _of_service(
    descriptor: Any, parts: Sequence[Any], carried: dict[str, Answer]
) -> dict[str, Handler]:
    """The handlers of one service, whose methods the parts have; unary ones go into `carried`."""
    found: dict[str, Handler] = {}
    for method in descriptor.methods:
        request_type = symbol_database.Default().GetSymbol(method.input_type.full_name)
        [function] = [getattr(part, method.name) for part in parts if hasattr(part, method.name)]
        if method.client_streaming:
            found[method.name] = grpc.stream_stream_rpc_method_handler(
                _conversing(function, request_type)
            )
        elif method.server_streaming:
            found[method.name] = grpc.unary_stream_rpc_method_handler(
                _streaming(function, request_type)
            )
        else:
            if descriptor.name != "ConversationService":
                path = f"/{descriptor.full_name}/{method.name}"
                carried[path] = _answering(function, request_type)
            found[method.name] = grpc.unary_unary_rpc_method_handler(_unary(function, request_type))
    return found


def _parse(request_type: Any, data: bytes) -> Any:
    try:
        return request_type.FromString(data)
    except (DecodeError, UnicodeDecodeError) as error:
        raise invalid("request", f"is no {request_type.DESCRIPTOR.full_name}: {error}") from None


def _answering(function: Callable[..., Any], request_type: Any) -> Answer:
    async def answer(data: bytes, context: Any) -> bytes:
        return _serialised(await function(_parse(request_type, data), context))

    return answer


def _serialised(response: Any) -> bytes:
    found: bytes = response if isinstance(response, bytes) else response.SerializeToString()
    return found


def _unary(function: Callable[..., Any], request_type: Any) -> Callable[..., Any]:
    # Says what `_answering` does once more: ten thousand parked polls would have a coroutine more.
    async def handle(data: bytes, context: grpc.aio.ServicerContext[Any, Any]) -> bytes:
        try:
            return _serialised(await function(_parse(request_type, data), context))
        except asyncio.CancelledError:
            raise
        except Exception as error:
            await abort(context, error)
            raise

    return handle


def _conversing(function: Callable[..., Any], request_type: Any) -> Callable[..., Any]:
    async def parsed(parts: AsyncIterator[bytes]) -> AsyncIterator[Any]:
        async for part in parts:
            yield _parse(request_type, part)

    async def handle(
        parts: AsyncIterator[bytes], context: grpc.aio.ServicerContext[Any, Any]
    ) -> AsyncIterator[bytes]:
        try:
            async for answer in function(parsed(parts), context):
                yield answer
        except (asyncio.CancelledError, GeneratorExit):
            raise
        except Exception as error:  # noqa: BLE001 - nothing may leave as UNKNOWN
            await abort(context, error)

    return handle


def _streaming(function: Callable[..., Any], request_type: Any) -> Callable[..., Any]:
    async def handle(
        data: bytes, context: grpc.aio.ServicerContext[Any, Any]
    ) -> AsyncIterator[bytes]:
        try:
            async for part in function(_parse(request_type, data), context):
                yield part
        except (asyncio.CancelledError, GeneratorExit):
            raise
        except Exception as error:  # noqa: BLE001 - nothing may leave as UNKNOWN
            await abort(context, error)

    return handle
