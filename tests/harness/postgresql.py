"""A real PostgreSQL for one test session. Its data lives as long, so durability is off."""

import asyncpg

from copconnect.services import postgresql
from copconnect.services.postgresql import OWNER

SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "shared_buffers": "64MB",
}


class PostgreSQL(postgresql.PostgreSQL):
    """A running server. Every database on it belongs to one test."""

    def __init__(self) -> None:
        super().__init__(SETTINGS)
        self._made = 0

    async def create_database(self, template: str = "template1") -> str:
        """Make a database as a copy of ``template``, which nobody may be connected to."""
        self._made += 1
        name = f"test_{self._made}"
        await self._execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return name

    async def drop_database(self, name: str) -> None:
        """Delete a database, ending connections that are still open."""
        await self._execute(f'DROP DATABASE "{name}" WITH (FORCE)')

    async def _execute(self, statement: str) -> None:
        connection = await asyncpg.connect(host=self.host, user=OWNER, database="postgres")
        try:
            await connection.execute(statement)
        finally:
            await connection.close()
