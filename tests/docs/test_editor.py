"""An editor with the YAML language server completes and checks definitions by the schema."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest


def document(kind: str, parts: str) -> str:
    """The beginning of a document, with the cursor in its first part."""
    schema = Path(f"docs/reference/{kind}.schema.json").resolve()
    head = f"# yaml-language-server: $schema={schema.as_uri()}\n"
    return head + f"treadle: v1\nkind: {kind}\nname: orders\n{parts}:\n  charge:\n    \n"


DOCUMENT = document("graph", "nodes")
MACHINE = document("machine", "states")
CURSOR = {"line": 6, "character": 4}


class LanguageServer:
    """Just enough of the Language Server Protocol, over stdin and stdout."""

    def __init__(self, program: Path) -> None:
        self._process = subprocess.Popen(
            [str(program), "--stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self._number = 0
        self.diagnostics: list[Any] = []
        self.has_looked = False
        self.call("initialize", {"processId": None, "rootUri": None, "capabilities": {}})
        self.tell("initialized", {})
        settings = {
            "yaml": {"validate": True, "completion": True, "schemaStore": {"enable": False}}
        }
        self.tell("workspace/didChangeConfiguration", {"settings": settings})

    def open(self, text: str, uri: str = "file:///orders.yaml") -> str:
        """Shows a document to the server."""
        document = {"uri": uri, "languageId": "yaml", "version": 1, "text": text}
        self.tell("textDocument/didOpen", {"textDocument": document})
        return uri

    def call(self, method: str, params: Any) -> Any:
        """Asks, and gives the answer."""
        self._number += 1
        self._send({"id": self._number, "method": method, "params": params})
        number = self._number
        while (message := self._receive()).get("id") != number or "method" in message:
            self._note(message)
        return message.get("result")

    def tell(self, method: str, params: Any) -> None:
        """Says something that nobody answers."""
        self._send({"method": method, "params": params})

    def wait_for_diagnostics(self) -> list[str]:
        """What is wrong with the document that was opened."""
        while not self.diagnostics:
            self._note(self._receive())
        return [one["message"] for one in self.diagnostics]

    def all_diagnostics(self) -> list[str]:
        """What is wrong with the document that was opened, if anything is."""
        while not self.has_looked:
            self._note(self._receive())
        return [one["message"] for one in self.diagnostics]

    def close(self) -> None:
        """Ends the process."""
        self._process.kill()
        self._process.communicate()

    def _note(self, message: Any) -> None:
        if message.get("method") == "textDocument/publishDiagnostics":
            self.diagnostics = message["params"]["diagnostics"]
            self.has_looked = True
        elif "method" in message and "id" in message:  # asks for settings it has been told
            asked = message["params"].get("items", [])
            self._send({"id": message["id"], "result": [None] * len(asked)})

    def _send(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0"} | message).encode()
        assert self._process.stdin is not None
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self._process.stdin.flush()

    def _receive(self) -> Any:
        assert self._process.stdout is not None
        length = 0
        while (line := self._process.stdout.readline().strip()) != b"":
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        assert length, "the language server has gone"
        return json.loads(self._process.stdout.read(length))


@pytest.fixture
def editor(tool: Callable[[str], Path]) -> Iterator[LanguageServer]:
    server = LanguageServer(tool("yaml-language-server"))
    yield server
    server.close()


NODE = {"activity", "retry", "start_to_close", "on_failure", "map", "wait"}
STATE = {"states", "initial", "parallel", "final", "entry", "on", "after", "error", "task"}


@pytest.mark.parametrize(("text", "keys"), [(DOCUMENT, NODE), (MACHINE, STATE)])
def test_an_editor_completes_the_fields_of_a_part(
    text: str, keys: set[str], editor: LanguageServer
) -> None:
    uri = editor.open(text)
    found = editor.call(
        "textDocument/completion", {"textDocument": {"uri": uri}, "position": CURSOR}
    )
    assert keys <= {item["label"] for item in found["items"]}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (DOCUMENT.replace("    \n", "    start_to_close: 10s\n"), "attempt"),
        (MACHINE.replace("    \n", "    always: done\n"), "guard"),
    ],
)
def test_an_editor_says_what_a_field_is_for(text: str, said: str, editor: LanguageServer) -> None:
    uri = editor.open(text)
    found = editor.call("textDocument/hover", {"textDocument": {"uri": uri}, "position": CURSOR})
    assert said in json.dumps(found)


@pytest.mark.parametrize(
    ("text", "key"), [(DOCUMENT, "retri"), (MACHINE, "entri"), (MACHINE, "histori")]
)
def test_an_editor_shows_a_misspelt_key(text: str, key: str, editor: LanguageServer) -> None:
    editor.open(text.replace("    \n", f"    {key}: 3\n"))
    found = editor.wait_for_diagnostics()
    assert any(key in message for message in found), found


def test_an_editor_completes_a_transition_and_an_action(editor: LanguageServer) -> None:
    uri = editor.open(MACHINE.replace("    \n", "    on:\n      pay:\n        \n"))
    place = {"line": 8, "character": 8}
    found = editor.call(
        "textDocument/completion", {"textDocument": {"uri": uri}, "position": place}
    )
    assert {"target", "guard", "action"} <= {item["label"] for item in found["items"]}


def test_an_editor_has_nothing_against_what_the_server_takes(editor: LanguageServer) -> None:
    page = Path("docs/reference/machine.md").read_text()
    example = page.partition("```yaml\n")[2].partition("```")[0]
    editor.open(MACHINE.partition("\n")[0] + "\n" + example)
    assert editor.all_diagnostics() == []
