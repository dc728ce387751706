"""Rows of conversations as the Delivery Service writes them, for tests of what reads them."""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import insert, update
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.database.engine import Database
from copconnect.delivery.store.tables import (
    CELL_KEYS,
    CELL_LINES,
    CONVERSATIONS,
    HEADS,
    KEYS,
    LEAVES,
    LOG,
    MEMBERS,
    SHARE_REQUESTS,
    SHARES,
)
from copconnect.ids import CellId, ClientId, ConversationId, PersonId, Seq, new_id
from copconnect.principals import NOTHING, Caller
from copconnect.records.conversation.roster import Cell, Leaf, RosterHead, lines_tree
from copconnect.records.primitives.kem import X25519

_SIGNER = Ed25519PrivateKey.generate()


@dataclass(slots=True)
class Placed:
    """A device in a roster; ``until``: the epoch that it is not in any more."""

    caller: Caller
    cell_id: CellId
    since: int
    until: int | None = None


def device() -> Caller:
    """Return a new device of a new person."""
    client_id = ClientId(new_id())
    digest = hashlib.sha256(client_id.encode()).digest()
    return Caller(PersonId(new_id()), client_id, digest, outstanding=NOTHING)


def second(of: Caller) -> Caller:
    """Return another device of a person."""
    made = device()
    return Caller(of.person_id, made.client_id, made.device, outstanding=NOTHING)


class Rows:
    """One conversation. Changes are written as they are made."""

    def __init__(self, database: Database, cells: int = 1) -> None:
        self.database = database
        self.conversation_id = ConversationId(new_id())
        self.cells = [CellId(new_id()) for _ in range(cells)]
        self.epoch = 0
        self.rekey_epoch = 0
        self.cell_rekey = dict.fromkeys(self.cells, 0)
        self.placed: list[Placed] = []
        self.heads: dict[int, bytes] = {}
        self.last_seq = 0

    async def roster(
        self,
        add: Sequence[Caller] = (),
        remove: Collection[Caller] = (),
        *,
        now_ms: int = 1_000,
        rekey: bool = False,
    ) -> None:
        """Write the next head; new devices are spread over the cells."""
        self.epoch += 1
        if rekey:
            self.rekey_epoch = self.epoch
            self.cell_rekey = dict.fromkeys(self.cells, self.epoch)
        for one in self.placed:
            if one.until is None and one.caller in remove:
                one.until = self.epoch
        for caller in add:
            cell_id = self.cells[len(self.placed) % len(self.cells)]
            self.placed.append(Placed(caller, cell_id, self.epoch))
        head, lines = self._head(now_ms)
        self.heads[self.epoch] = head
        async with self.database.transaction() as connection:
            await self._write(connection, head, lines, now_ms)

    def _leaves(self, cell_id: CellId) -> list[Leaf]:
        return sorted(
            (
                Leaf(
                    cell_id=bytes.fromhex(cell_id),
                    person_id=bytes.fromhex(one.caller.person_id),
                    device=one.caller.device,
                    history_from=0,
                    rights=1,  # type: ignore[arg-type]
                )
                for one in self.placed
                if one.until is None and one.cell_id == cell_id
            ),
            key=lambda leaf: leaf.device,
        )

    def _head(self, now_ms: int) -> tuple[bytes, list[dict[str, Any]]]:
        cells = [
            Cell(bytes.fromhex(one), self.cell_rekey[one], leaves)
            for one in sorted(self.cells)
            if (leaves := self._leaves(one))
        ]
        lines = [one.line for one in cells]
        previous = self.heads.get(self.epoch - 1)
        head = RosterHead(
            conversation_id=bytes.fromhex(self.conversation_id),
            epoch=self.epoch,
            previous=hashlib.sha256(previous).digest() if previous else bytes(32),
            kem=X25519,
            rekey_epoch=self.rekey_epoch,
            latest_history_from=max((one.latest_history_from for one in cells), default=0),
            created=now_ms,
            devices=sum(line.devices for line in lines),
            root=lines_tree(lines).root,
        ).signed(_SIGNER)
        rows = [
            {
                "conversation_id": self.conversation_id,
                "cell_id": cell.line.cell_id.hex(),
                "from_epoch": self.epoch,
                "devices": cell.line.devices,
                "rekey_epoch": cell.line.rekey_epoch,
                "root": cell.line.root,
                "latest_history_ms": cell.latest_history_from,
            }
            for cell in cells
        ]
        return head.encode(), rows

    async def _write(
        self, connection: AsyncConnection, head: bytes, lines: list[dict[str, Any]], now_ms: int
    ) -> None:
        digest = hashlib.sha256(head).digest()
        values = {
            "roster_epoch": self.epoch,
            "rekey_epoch": self.rekey_epoch,
            "head": head,
            "head_hash": digest,
            "head_ms": now_ms,
            "devices": sum(1 for one in self.placed if one.until is None),
            "cells": len(lines),
        }
        if self.epoch == 1:
            await connection.execute(insert(CONVERSATIONS).values(_EMPTY | values | self._key()))
        else:
            await connection.execute(self._mine(update(CONVERSATIONS)).values(values))
        await connection.execute(
            self._mine(update(CELL_LINES))
            .where(CELL_LINES.c.to_epoch.is_(None))
            .values(to_epoch=self.epoch)
        )
        await connection.execute(insert(CELL_LINES), lines)
        await connection.execute(
            insert(HEADS).values(
                **self._key(), epoch=self.epoch, head=head, hash=digest, created_ms=now_ms
            )
        )
        for one in self.placed:
            if one.since == self.epoch:
                await connection.execute(insert(LEAVES).values(self._leaf(one)))
            elif one.until == self.epoch:
                await connection.execute(
                    self._mine(update(LEAVES))
                    .where(LEAVES.c.device == one.caller.device, LEAVES.c.to_epoch.is_(None))
                    .values(to_epoch=self.epoch)
                )

    def _key(self) -> dict[str, Any]:
        return {"conversation_id": self.conversation_id}

    def _mine(self, statement: Any) -> Any:
        return statement.where(statement.table.c.conversation_id == self.conversation_id)

    def _leaf(self, one: Placed) -> dict[str, Any]:
        return self._key() | {
            "device": one.caller.device,
            "from_epoch": one.since,
            "client_id": one.caller.client_id,
            "person_id": one.caller.person_id,
            "cell_id": one.cell_id,
            "history_from_ms": 0,
            "rights": 1,
        }

    async def _insert(self, table: Any, **values: Any) -> None:
        async with self.database.transaction() as connection:
            await connection.execute(insert(table).values(self._key() | values))

    async def member(
        self, person_id: PersonId, added_ms: int = 0, removed_ms: int | None = None
    ) -> None:
        """Write somebody who belongs, registered or not."""
        await self._insert(
            MEMBERS,
            person_id=person_id,
            admin=False,
            added_ms=added_ms,
            removed_ms=removed_ms,
            history_from_ms=0,
        )

    async def post(
        self,
        sender: Caller,
        sent_ms: int = 1_000,
        key_id: bytes = bytes(32),
        epoch: int = 0,
        *,
        quiet: bool = False,
        calls_all: bool = False,
    ) -> Seq:
        """Write a message."""
        self.last_seq += 1
        epoch = epoch or self.epoch
        await self._insert(
            LOG,
            seq=self.last_seq,
            message_id=new_id(),
            device=sender.device,
            person_id=sender.person_id,
            sent_ms=sent_ms,
            epoch=epoch,
            named_epoch=max(epoch, self.epoch),
            key_id=key_id,
            header_hash=bytes(32),
            before_hash=bytes(32),
            message=b"message %d" % self.last_seq,
            quiet=quiet,
            calls_all=calls_all,
            kind=0,
        )
        async with self.database.transaction() as connection:
            await connection.execute(
                self._mine(update(CONVERSATIONS)).values(
                    last_seq=self.last_seq, last_message_ms=sent_ms
                )
            )
        return Seq(self.last_seq)

    async def key(
        self,
        author: Caller,
        *,
        created_ms: int = 1_000,
        messages: int = 0,
        seals: bytes = b"",
        epoch: int = 0,
    ) -> bytes:
        """Write a conversation key; return its id."""
        key_id = bytes.fromhex(new_id() + new_id())
        await self._insert(
            KEYS,
            key_id=key_id,
            epoch=epoch or self.epoch,
            created_ms=created_ms,
            stored_ms=created_ms,
            author=author.device,
            author_person=author.person_id,
            free=True,
            kem=X25519,
            record=b"record " + key_id,
            seals=seals,
            messages=messages,
            last_seq=self.last_seq if messages else None,
        )
        return key_id

    async def cell_key(
        self,
        author: Caller,
        cell_id: CellId,
        *,
        created_ms: int = 1_000,
        generation: int = 1,
        epoch: int = 0,
        record: bytes = b"record",
        key_id: bytes = b"",
        seals: bytes = b"",
    ) -> bytes:
        """Write a cell key; return its id."""
        key_id = key_id or bytes.fromhex(new_id())
        await self._insert(
            CELL_KEYS,
            key_id=key_id,
            cell_id=cell_id,
            epoch=epoch or self.epoch,
            generation=generation,
            stored_ms=created_ms,
            author=author.device,
            created_ms=created_ms,
            kem=X25519,
            record=record,
            seals=seals,
        )
        return key_id

    async def share_request(self, asker: Caller, kind: int, reference: bytes, at_ms: int) -> None:
        """Write a secret that a device lacks."""
        await self._insert(
            SHARE_REQUESTS,
            device=asker.device,
            kind=kind,
            reference=reference,
            client_id=asker.client_id,
            person_id=asker.person_id,
            asked_ms=at_ms,
            helped_until_ms=0,
        )

    async def share(self, asker: Caller, helper: Caller) -> None:
        """Write a share that waits."""
        await self._insert(
            SHARES,
            device=asker.device,
            share_hash=bytes.fromhex(new_id() + new_id()),
            client_id=asker.client_id,
            helper=helper.device,
            share=b"share",
            created_ms=1_000,
        )


_EMPTY: dict[str, Any] = {
    "kind": "group",
    "created_by": "0" * 32,
    "created_ms": 0,
    "who_may_send": "everyone",
    "last_seq": 0,
    "log_hash": bytes(32),
    "named_epoch": 0,
    "members": 0,
    "listed_people": 0,
    "info_number": 1,
    "kem": X25519,
}
