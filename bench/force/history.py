"""Thirty days of messages in prepared conversations: real ones, in bulk.

Each day has its own conversation key, made by the first of a conversation's writers; seals are
not kept, as devices acknowledged them long ago. Every message is signed, chained and encrypted as a
device would have done it then, and carries the log hash.
"""

import secrets
from collections.abc import Iterator, Sequence
from itertools import cycle
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import insert, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bench.figures import say
from bench.force import caching
from bench.force.conversations import Conversation, Prepared
from bench.force.device import Device
from bench.machine import copying
from copconnect.database.engine import chunks, open_database
from copconnect.delivery.store.tables import CHAINS, CONVERSATIONS, KEYS, LOG
from copconnect.records.conversation.message import (
    LOG_START,
    SIGNED_HEADER_BYTES,
    MessageHeader,
    message_hash,
    next_log_hash,
)
from copconnect.records.conversation.roster import RosterHead
from copconnect.records.primitives.fields import DAY_MS, ZEROS
from copconnect.records.primitives.kem import XWING
from copconnect.sealing.keys import make_conversation_key, new_secret
from copconnect.sealing.messages import seal_message

HISTORIES = "histories.msgpack"
WRITERS = 4
KEPT_DAYS = 0.5  # The last day's key is usable for one.


class History(msgspec.Struct, frozen=True, array_like=True):
    """The history of a conversation: the newest seq, the log's hash there, records and secrets of
    its keys, and the newest message's text."""

    seq: int
    log_hash: bytes
    keys: list[tuple[bytes, bytes]]
    newest: str


def with_history(
    prepared: Prepared, days: int, per_day: Sequence[int], texts: Sequence[str] = ()
) -> tuple[Prepared, list[History]]:
    """Return the conversations with so many days of messages, made now if they are not kept.
    ``per_day``: messages a day in each; ``texts``: what they say, in turn."""

    async def make(folder: Path) -> None:
        copying.to_file(prepared.database, folder / caching.DATABASE)
        database = open_database(f"sqlite+aiosqlite:///{folder / caching.DATABASE}")
        found: list[History] = []
        try:
            async with database.transaction() as connection:
                said = cycle(texts) if texts else None
                for number, one in enumerate(prepared.conversations):
                    written = _Written(prepared, one, number, said)
                    written.write(days, per_day[number])
                    found.append(await written.store(connection))
        finally:
            await database.close()
        (folder / HISTORIES).write_bytes(msgspec.msgpack.encode(found))
        say(f"{sum(one.seq for one in found):,} messages of {days} days are written.")

    count = days * sum(per_day)
    name = f"history-{days}-{count}-of-{prepared.database.parent.name}"
    folder = caching.kept(prepared.force.folder.parent, name, make, KEPT_DAYS)
    file = folder / HISTORIES
    histories = msgspec.msgpack.decode(file.read_bytes(), type=list[History])
    database = folder / caching.DATABASE
    return Prepared(prepared.force, database, prepared.conversations), histories


class _Written:
    """The log of one conversation as it is written."""

    def __init__(
        self,
        prepared: Prepared,
        conversation: Conversation,
        number: int,
        texts: Iterator[str] | None,
    ) -> None:
        self._id = conversation.conversation_id
        self._number = number
        self._texts = texts
        self._head = RosterHead.parse(conversation.head)
        members = sorted(one for cell in conversation.cells for one in cell.members)
        self._writers = [prepared.force.devices[one] for one in members[:WRITERS]]
        self._chains: dict[bytes, tuple[int, bytes, bytes]] = {}  # Seq, header, its hash.
        self._log: list[dict[str, Any]] = []
        self._key_rows: list[dict[str, Any]] = []
        self._keys: list[tuple[bytes, bytes]] = []
        self._log_hash = LOG_START
        self._newest = ""

    def write(self, days: int, per_day: int) -> None:
        """Write every day's messages, the last of them just now."""
        begin = self._head.created + 1_000
        for day in range(days):
            at = begin + day * DAY_MS
            author, secret = self._writers[0], new_secret()
            record = make_conversation_key(
                secret, author.signer, head=self._head, author=author.device, now=at
            )
            self._keys.append((record.encode(), secret))
            for turn in range(per_day):
                writer = self._writers[turn % len(self._writers)]
                sent = at + 60_000 + turn * (DAY_MS // (per_day + 1))
                self._message(writer, record.hash(), secret, sent)
            self._key_rows.append(
                {
                    "conversation_id": self._id,
                    "key_id": record.hash(),
                    "epoch": self._head.epoch,
                    "created_ms": record.created,
                    "stored_ms": record.created,
                    "author": author.device,
                    "author_person": author.person_id,
                    "free": True,
                    "kem": XWING,
                    "record": record.encode(),
                    "seals": b"",
                    "messages": per_day,
                    "last_seq": len(self._log),
                }
            )

    def _message(self, writer: Device, key_id: bytes, secret: bytes, sent: int) -> None:
        head, seq = self._head, len(self._log) + 1
        own, _, previous = self._chains.get(writer.device, (0, b"", ZEROS))
        draft = MessageHeader(
            conversation_id=head.conversation_id,
            message_id=secrets.token_bytes(16),
            sender=writer.device,
            seq=own + 1,
            attempt=1,
            previous=previous,
            key_id=key_id,
            epoch=head.epoch,
            head=head.hash(),
            log_position=seq - 1,
            log_hash=self._log_hash,
            sent=sent,
        )
        default = f"Report {seq} of conversation {self._number}"
        self._newest = default if self._texts is None else next(self._texts)
        data = seal_message(draft, secret, content(self._newest), writer.signer)
        header_hash = message_hash(data)
        before_hash, self._log_hash = self._log_hash, next_log_hash(self._log_hash, header_hash)
        self._chains[writer.device] = own + 1, data[:SIGNED_HEADER_BYTES], header_hash
        self._log.append(
            {
                "conversation_id": self._id,
                "seq": seq,
                "message_id": draft.message_id.hex(),
                "device": writer.device,
                "person_id": writer.person_id,
                "sent_ms": sent,
                "epoch": head.epoch,
                "named_epoch": head.epoch,
                "key_id": key_id,
                "header_hash": header_hash,
                "before_hash": before_hash,
                "message": data,
                "quiet": False,
                "calls_all": False,
                "kind": 0,
            }
        )

    async def store(self, connection: AsyncConnection) -> History:
        """Store everything."""
        await connection.execute(insert(KEYS), self._key_rows)
        for part in chunks(self._log):
            await connection.execute(insert(LOG), part)
        await connection.execute(
            insert(CHAINS),
            [
                {
                    "conversation_id": self._id,
                    "device": device,
                    "seq": seq,
                    "header": header,
                    "header_hash": header_hash,
                }
                for device, (seq, header, header_hash) in self._chains.items()
            ],
        )
        await connection.execute(
            update(CONVERSATIONS)
            .where(CONVERSATIONS.c.conversation_id == self._id)
            .values(
                last_seq=len(self._log),
                last_message_ms=self._log[-1]["sent_ms"],
                log_hash=self._log_hash,
                named_epoch=self._head.epoch,
            )
        )
        return History(len(self._log), self._log_hash, self._keys, self._newest)


def content(text: str) -> bytes:
    """Return a text message's content (docs/protocol.md)."""
    return msgspec.msgpack.encode(
        {"v": 1, "kind": "text", "text": text, "mentions": [], "replyTo": None, "forwards": 0}
    )
