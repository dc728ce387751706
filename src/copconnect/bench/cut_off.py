"""When somebody who lost their place can read nothing any more, as a second reader of the database
sees it, and whether old keys open what was sent since."""

import asyncio
import threading
import time
from collections.abc import Collection, Mapping
from typing import NamedTuple

import msgspec
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import wire
from copconnect.bench.cells import CellKey, NotOpened, open_body, open_seal
from copconnect.database import Database, open_database
from copconnect.delivery import key_store, store
from copconnect.delivery.sealed.message import read_header, read_seals
from copconnect.delivery.tables import CELLS, LOG_ENTRIES, ROSTER_LEAVES, SEALED_SEALS
from copconnect.ids import CellId, ClientId, ConversationId

POLL_S = 0.1


class Place(NamedTuple):
    """Where a client was before it was moved."""

    conversation_id: ConversationId
    cell_id: CellId


class CutOff(threading.Thread):
    """Notes for each client that leaves its place

    - ``gone_ms``: when the signed roster did not name it any more. From then on the server sends
      it nothing, and takes no seal for its cell (the freeze of docs/protocol.md, "Membership");
    - ``cut_off_ms``: when, after that, its cell's Removes were committed and the cell had a key of
      the new epoch, or the cell was no more. From then on even who gets every byte that the server
      has cannot read on: no seal is under a key that a removed client can derive.

    Both are ms since 1970, up to POLL_S late, never early: the cells are read after who is named.
    """

    def __init__(self, url: str, leaving: Mapping[ClientId, Place]) -> None:
        super().__init__(daemon=True)
        self.gone_ms: dict[ClientId, int] = {}
        self.cut_off_ms: dict[ClientId, int] = {}
        self._url = url
        self._leaving = leaving
        self._enough = threading.Event()
        self._failure: Exception | None = None

    @property
    def all_gone(self) -> bool:
        """Whether no roster names any of them. Raises what ended the watch."""
        return self._complete(self.gone_ms)

    @property
    def all_cut_off(self) -> bool:
        """Whether nobody of them can read on. Raises what ended the watch."""
        return self._complete(self.cut_off_ms)

    def _complete(self, times: Mapping[ClientId, int]) -> bool:
        if self._failure is not None:
            raise self._failure
        return len(times) == len(self._leaving)

    def run(self) -> None:
        """Look again and again."""
        try:
            asyncio.run(self._watch())
        except Exception as error:
            self._failure = error

    def end(self) -> None:
        """Look no more."""
        self._enough.set()
        self.join()

    async def _watch(self) -> None:
        database = open_database(self._url)
        try:
            while not self._enough.is_set() and not self.all_cut_off:
                for conversation_id in {one.conversation_id for one in self._leaving.values()}:
                    async with database.reading() as connection:
                        await self.look(connection, conversation_id)
                await asyncio.sleep(POLL_S)
        finally:
            await database.close()

    async def look(self, connection: AsyncConnection, conversation_id: ConversationId) -> None:
        """Look at a conversation once."""
        waiting = {
            client_id: place.cell_id
            for client_id, place in self._leaving.items()
            if place.conversation_id == conversation_id and client_id not in self.cut_off_ms
        }
        leaf = ROSTER_LEAVES.c
        named = set(
            await connection.scalars(
                select(leaf.client_id).where(
                    leaf.conversation_id == conversation_id, leaf.client_id.in_(waiting)
                )
            )
        )
        now_ms = time.time_ns() // 1_000_000
        states = await key_store.states(connection, conversation_id, now_ms)
        frozen = {one.cell_id for one in states if not one.ready}
        now_ms = time.time_ns() // 1_000_000
        for client_id in waiting.keys() - named:
            self.gone_ms.setdefault(client_id, now_ms)
            if waiting[client_id] not in frozen:
                self.cut_off_ms[client_id] = now_ms


class Keys(NamedTuple):
    """A cell's epoch, and the id of its key."""

    epoch: int
    key_id: bytes


async def newest_head(database: Database, conversation_id: ConversationId) -> bytes:
    """Return the newest roster head. Raises LookupError when there is no such conversation."""
    async with database.reading() as connection:
        found = await store.newest_roster(connection, conversation_id)
    if found is None:
        raise LookupError(conversation_id)
    return found[0]


async def current_keys(database: Database, conversation_id: ConversationId) -> dict[CellId, Keys]:
    """Return where every cell that has a key stands."""
    c = CELLS.c
    async with database.reading() as connection:
        rows = await connection.execute(
            select(c.cell_id, c.epoch, c.key_id).where(
                c.conversation_id == conversation_id, c.key_id.is_not(None)
            )
        )
        return {row.cell_id: Keys(row.epoch, row.key_id) for row in rows}


async def last_seq(database: Database, conversation_id: ConversationId) -> int:
    """Return how far a conversation's log has come."""
    e = LOG_ENTRIES.c
    async with database.reading() as connection:
        newest = select(func.max(e.seq)).where(e.conversation_id == conversation_id)
        return int(await connection.scalar(newest) or 0)


async def commits_since(
    database: Database, conversation_id: ConversationId, seq: int
) -> list[ClientId]:
    """Return who made each commit after a place in the log."""
    e = LOG_ENTRIES.c
    async with database.reading() as connection:
        made = select(e.sender).where(
            e.conversation_id == conversation_id, e.seq > seq, e.kind == "commit"
        )
        return list(await connection.scalars(made))


async def opened_with(
    database: Database,
    conversation_id: ConversationId,
    entry_id: str,
    keys: Collection[CellKey],
) -> int:
    """Return how many of these keys open any seal of a sealed message, whatever the seal says it
    is for, and with it the body: what somebody can do who has all that the server has."""
    e, s = LOG_ENTRIES.c, SEALED_SEALS.c
    async with database.reading() as connection:
        row = (
            await connection.execute(
                select(e.payload, s.seals).where(
                    e.conversation_id == conversation_id,
                    e.entry_id == entry_id,
                    s.conversation_id == e.conversation_id,
                    s.seq == e.seq,
                )
            )
        ).one()
    payload = msgspec.msgpack.decode(row.payload, type=wire.SealedPayload)
    header = read_header(payload.sealed)
    seals = read_seals(row.seals, header.kem)
    opened = 0
    for key in keys:
        for seal in seals:
            try:
                open_body(header, payload.body, open_seal(header, seal.data, key))
            except NotOpened:
                continue
            opened += 1
    return opened
