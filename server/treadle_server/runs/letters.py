"""Messages between runs as rows of the journal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from treadle_server.engine.events import Event, EventSent
from treadle_server.engine.messages import Message, MessageKind
from treadle_server.journal.codec import decode_batch
from treadle_server.journal.port import Journal, Key, Row, Table
from treadle_server.runs.hot import HotRun


@dataclass(slots=True)
class Letter:
    """A message with its sender and its row. The row names the sender's event and does not repeat
    it.
    """

    namespace: str
    sender: bytes
    message: Message
    row: Row

    @property
    def receiver(self) -> str:
        """Letters to the same receiver are delivered one after the other."""
        receiver = self.row.key[0]
        assert isinstance(receiver, str), "as TABLES has it"
        return receiver

    @property
    def delivered(self) -> list[tuple[Table, Key]]:
        """What strikes it out, to go with the receiver's unit."""
        return [(Table.INBOX, self.row.key)]


def letters_of(hot: HotRun, messages: Sequence[Message]) -> list[Letter]:
    """The letters of one turn."""
    letters: list[Letter] = []
    for number, message in enumerate(messages):
        key: Key = (_receiver(hot.namespace, message), hot.run_id, message.event.seq, number)
        value = bytes([message.kind]) + message.key.encode()
        letters.append(Letter(hot.namespace, hot.run_id, message, Row(Table.INBOX, key, value)))
    return letters


def read_letter(journal: Journal, row: Row) -> Letter | None:
    """A letter from its row; None if its sender's event is not there, which cannot be."""
    receiver, sender, seq, _ = row.key
    assert isinstance(receiver, str)
    assert isinstance(sender, bytes)
    assert isinstance(seq, int)
    [run] = journal.get_runs([sender])
    event = _event(journal, sender, seq)
    if run is None or event is None:
        return None
    kind = MessageKind(row.value[0])
    run_id = b"" if kind is MessageKind.EVENT else bytes.fromhex(receiver)
    message = Message(kind, event, run_id, row.value[1:].decode())
    return Letter(run.namespace, sender, message, row)


def _event(journal: Journal, run_id: bytes, seq: int) -> Event | None:
    for record in journal.read_run(run_id, seq - 1, 1):
        for event in decode_batch(record.body):
            if event.seq == seq:
                return event
    return None


def _receiver(namespace: str, message: Message) -> str:
    if isinstance(message.event, EventSent):
        return f"{namespace}/{message.event.workflow_id}"
    return message.run_id.hex()
