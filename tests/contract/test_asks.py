"""Nodes that ask devices for keys at the same time, on both back ends."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.database.engine import Database
from copconnect.delivery.live import ask_store
from copconnect.delivery.live.ask_store import SealAsk, WantedCellKey
from copconnect.ids import CellId, ConversationId, new_id

NOW_MS, PAUSE_MS = 1_000_000, 5_000
Ask = Callable[[AsyncConnection, bytes], Awaitable[int]]


def _cell_key() -> Ask:
    want = WantedCellKey(ConversationId(new_id()), CellId(new_id()), 1, 1, 1, frozenset())

    async def ask(connection: AsyncConnection, device: bytes) -> int:
        asks = [(want, device)]
        noted = ask_store.record_cell_key_asks(connection, asks, NOW_MS, lambda _: PAUSE_MS)
        return len(await noted)

    return ask


def _key() -> Ask:
    conversation_id = ConversationId(new_id())

    async def ask(connection: AsyncConnection, device: bytes) -> int:
        asks = [(conversation_id, device)]
        return len(await ask_store.record_key_asks(connection, asks, NOW_MS, PAUSE_MS))

    return ask


def _late_seal() -> Ask:
    conversation_id = ConversationId(new_id())

    async def ask(connection: AsyncConnection, device: bytes) -> int:
        asks = [SealAsk(conversation_id, bytes(32), bytes(16), device)]
        return len(await ask_store.record_seal_asks(connection, asks, NOW_MS, PAUSE_MS))

    return ask


@pytest.mark.parametrize("asking", [_cell_key, _key, _late_seal])
async def test_two_nodes_ask_one_device_for_a_key(
    database: Database, asking: Callable[[], Ask]
) -> None:
    ask = asking()

    async def other_node() -> int:
        async with database.transaction() as connection:
            return await ask(connection, bytes([2]) * 32)

    async with database.transaction() as connection:
        assert await ask(connection, bytes([1]) * 32) == 1
        other = asyncio.create_task(other_node())
        await asyncio.sleep(0.2)  # Time to read what this transaction has not committed.
    assert await other == 0
