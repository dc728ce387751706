"""A database copied to PostgreSQL has every row, and counts on from there."""

import sqlite3
from contextlib import closing

import pytest
from sqlalchemy import func, select

from bench.force.conversations import Prepared
from bench.machine import copying
from bench.machine.postgresql import PostgreSQL
from copconnect.bus import ConversationWakeup
from copconnect.clock import SystemClock
from copconnect.database.engine import METADATA, open_database
from copconnect.wakeup_log import WakeupLog


@pytest.mark.postgresql
async def test_rows_are_copied_and_numbers_go_on(prepared: Prepared) -> None:
    with PostgreSQL() as postgresql:
        await copying.to_postgresql(prepared.database, postgresql.url())
        database = open_database(postgresql.url())
        wakeup = ConversationWakeup(
            conversation_id=prepared.conversations[0].conversation_id, person_ids=[]
        )
        log = WakeupLog(database, SystemClock(), has_bus=False)
        try:
            with closing(sqlite3.connect(prepared.database)) as source:
                async with database.reading() as connection:
                    for table in METADATA.sorted_tables:
                        (wanted,) = source.execute(f"SELECT count(*) FROM {table.name}").fetchone()
                        found = await connection.scalar(select(func.count()).select_from(table))
                        # Migrations put some rows into an empty database.
                        assert found == wanted or not wanted, table.name
            async with database.transaction() as connection:
                await log.record(connection, [wakeup])  # Its number is given by the database.
        finally:
            await database.close()
