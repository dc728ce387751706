"""Cells that lack a key, and usable conversation keys that lack a cell's seal.

Asked of the server's own database, so that simulated phones need not open anything before they all
can.
"""

import time

from copconnect.database.engine import open_database
from copconnect.delivery.keys.late_seals import KEYS, usable_cell_keys, usable_keys
from copconnect.delivery.live import ask_store
from copconnect.delivery.rules.conversation_keys import newest_first
from copconnect.delivery.store import conversations, keys, late_seals, rosters
from copconnect.ids import ConversationId
from copconnect.records.primitives.fields import KEY_ID_BYTES
from copconnect.records.primitives.kem import seal_bytes


async def missing(url: str, conversation_ids: list[ConversationId]) -> int:
    """Return how many keys of cells and seals to these are still to be made."""
    now_ms = time.time_ns() // 1_000_000
    database = open_database(url)
    try:
        async with database.reading() as connection:
            count = len(await ask_store.wanted_cell_keys(connection, conversation_ids, now_ms))
            for held in await conversations.read(connection, conversation_ids):
                c, size = held.conversation_id, seal_bytes(held.kem)
                lines = await rosters.current_lines(connection, c)
                cells = await usable_cell_keys(connection, c, lines, held.kem, now_ms)
                newest = newest_first(await usable_keys(connection, held, now_ms))[:KEYS]
                ids = [one.key_id for one in newest]
                late = await late_seals.sealed_to(connection, c, ids)
                for key_id, key in (await keys.records(connection, c, ids)).items():
                    starts = range(0, len(key.seals), size)
                    sealed = {key.seals[at : at + KEY_ID_BYTES] for at in starts}
                    count += len(cells.keys() - sealed - late.get(key_id, set()))
            return count
    finally:
        await database.close()
