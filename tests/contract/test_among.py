"""A list of any length is one parameter (copconnect.database.among)."""

import pytest
from sqlalchemy import insert, select

from copconnect.database.among import among
from copconnect.database.engine import Database
from copconnect.delivery.store.tables import AUDIENCES
from tests.contract.statements import Statements

HELD = ["a", "it's", "తెలుగు", '"', "\\"]
ID = AUDIENCES.c.conversation_id


@pytest.mark.parametrize("others", [0, 40_000])
async def test_one_statement_finds_what_is_listed(database: Database, others: int) -> None:
    async with database.transaction() as connection:
        rows = [{"conversation_id": one, "rule": b"", "changes": 1} for one in HELD]
        await connection.execute(insert(AUDIENCES), rows)
    wanted = [*HELD[1:], *(f"other {n}" for n in range(others))]
    with Statements(database) as statements:
        async with database.reading() as connection:
            found = await connection.scalars(select(ID).where(among(ID, wanted)))
            assert sorted(found) == sorted(HELD[1:])
            assert list(await connection.scalars(select(ID).where(among(ID, [])))) == []
    assert sum("SELECT" in one for one in statements) == 2
