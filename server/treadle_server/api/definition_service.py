"""`treadle.v1.DefinitionService`."""

from __future__ import annotations

from typing import Any

from treadle.v1 import definition_service_pb2 as messages
from treadle_server.api import checks, convert
from treadle_server.api.errors import invalid
from treadle_server.api.pages import Pages
from treadle_server.definitions.document import parse_json
from treadle_server.definitions.versions import VersionState
from treadle_server.runs.service import Runs

_MOST_HINTS = 50


class DefinitionService:
    """One method per RPC, found by its name."""

    def __init__(self, runs: Runs, pages: Pages) -> None:
        self._runs = runs
        self._pages = pages

    async def DeployDefinition(
        self, request: messages.DeployDefinitionRequest, _context: Any
    ) -> messages.DeployDefinitionResponse:
        """Checks and stores a document."""
        deployed = await self._runs.deploy(
            checks.namespace(request.namespace),
            _document(request),
            request_id=checks.identifier(
                "request_id", request.request_id, limit=checks.MAX_REQUEST_ID_BYTES
            ),
            validate_only=request.validate_only,
        )
        # The caller has the document; what it needs is what became of it.
        deployed.view.document = b""
        return messages.DeployDefinitionResponse(
            definition=convert.definition(deployed.view),
            created=deployed.created,
            hints=[
                messages.Hint(rule=hint.rule, path=hint.path, message=hint.message)
                for hint in deployed.hints[:_MOST_HINTS]
            ],
        )

    async def GetDefinition(
        self, request: messages.GetDefinitionRequest, _context: Any
    ) -> messages.GetDefinitionResponse:
        """Reads one version."""
        view = await self._runs.get_definition(
            checks.namespace(request.namespace),
            checks.identifier("workflow", request.workflow, required=True),
            checks.count("version", request.version, low=0, high=2**62),
        )
        return messages.GetDefinitionResponse(definition=convert.definition(view))

    async def UpdateVersion(
        self, request: messages.UpdateVersionRequest, _context: Any
    ) -> messages.UpdateVersionResponse:
        """Says what a version is for."""
        if request.state not in messages.VersionState.values():
            raise invalid("state", f"has no value {request.state}")
        view, paused = await self._runs.change_version(
            checks.namespace(request.namespace),
            checks.identifier("workflow", request.workflow, required=True),
            checks.count("version", request.version, low=1, high=2**62),
            VersionState(request.state),
            make_current=request.make_current,
            force=request.force,
        )
        view.document = b""
        return messages.UpdateVersionResponse(
            definition=convert.definition(view), paused_runs=paused
        )

    async def ListDefinitions(
        self, request: messages.ListDefinitionsRequest, _context: Any
    ) -> messages.ListDefinitionsResponse:
        """Lists versions."""
        namespace = checks.namespace(request.namespace)
        workflow = checks.identifier("workflow", request.workflow) or None
        query = ("definitions", namespace, workflow)
        place = self._pages.read(query, request.page_token)
        limit = checks.page_size(request.page_size)
        after = None if place is None else (str(place[0]), int(place[1]))
        views = await self._runs.list_definitions(
            namespace, workflow=workflow, after=after, limit=limit
        )
        token = ""
        if len(views) == limit:
            token = self._pages.make(query, (views[-1].workflow, views[-1].version))
        return messages.ListDefinitionsResponse(
            definitions=[convert.definition(view) for view in views], next_page_token=token
        )


def _document(request: messages.DeployDefinitionRequest) -> Any:
    match request.WhichOneof("document"):
        case "json":
            return parse_json(request.json)
        case "gzip_json":
            return parse_json(checks.unpack(request.gzip_json))
        case "plain":
            return checks.plain_value("plain", request.plain)
        case _:
            raise invalid("document", "is missing: give `json`, `gzip_json` or `plain`")
