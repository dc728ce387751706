"""A real PostgreSQL for one test session. Its data lives as long, so durability is off."""

from collections import Counter
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass, field

import asyncpg

from copconnect.services import postgresql
from copconnect.services.postgresql import OWNER

SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    # A test's plans rest on no statistics of what another had written.
    "autovacuum": "off",
    "max_connections": "200",
    "shared_buffers": "64MB",
    # Reading takes less time than waking another process that reads: the files are in memory.
    "io_method": "sync",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "jit": "off",
}

MOST_DELETED = 50_000  # Rows, over all tests that a database was lent to.

# A hash of the columns of tables and indexes, and of how many rows the planner believes in.
_SHAPE = """
SELECT md5(string_agg(
    relname || ' ' || reltuples || ' ' || attname || ' ' || atttypid, ',' ORDER BY relname, attnum
))
FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid
WHERE relnamespace = 'public'::regnamespace AND attnum > 0
"""


@dataclass
class _Template:
    """The state that a copy is brought back to, and the copies that are free."""

    shape: str
    tables: set[str]
    rows: dict[str, bytes]
    sequences: dict[str, int]
    free: list[str] = field(default_factory=list)


class PostgreSQL(postgresql.PostgreSQL):
    """A running server. Every database on it belongs to one test."""

    def __init__(self) -> None:
        super().__init__(SETTINGS)
        self._made = 0
        self._templates: dict[str, _Template] = {}
        self._deleted: Counter[str] = Counter()  # Rows, by database.

    async def create_database(self, template: str = "template1") -> str:
        """Make a database as a copy of ``template``, which nobody may be connected to."""
        self._made += 1
        name = f"test_{self._made}"
        await self._execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return name

    async def lend(self, template: str) -> str:
        """Return a database that is as ``template``: one that another test gave back, if there is
        one. To copy the 300 files of a database takes longer than most tests."""
        if template not in self._templates:
            self._templates[template] = await self._read(template)
        free = self._templates[template].free
        return free.pop() if free else await self.create_database(template)

    async def give_back(self, name: str, template: str) -> None:
        """Make a database as its template again, for the next test: tables that the test made go. A
        database whose other tables were changed or analysed goes too, and one that has had many
        rows: deleted rows still take room."""
        known = self._templates[template]
        connection = await asyncpg.connect(host=self.host, user=OWNER, database=name)
        try:
            await connection.execute(
                "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            tables = await _tables(connection)
            for table in tables - known.tables:
                await connection.execute(f"DROP TABLE {table}")
            fits = await connection.fetchval(_SHAPE) == known.shape
            # Without looking at foreign keys. To delete some rows takes a hundredth of the time
            # of TRUNCATE, which makes new files for each table and index.
            await connection.execute("SET session_replication_role = replica")
            deleted = self._deleted[name]
            for table in await _with_rows(connection, tables & known.tables):
                status = await connection.execute(f"DELETE FROM {table}")
                deleted += int(status.removeprefix("DELETE "))
            await connection.execute(
                "SELECT setval(sequencename::regclass, start_value, false) FROM pg_sequences"
            )
            for table, rows in known.rows.items():
                await connection.copy_to_table(table, source=_chunks(rows), format="binary")
            for sequence, value in known.sequences.items():
                await connection.execute(f"SELECT setval('{sequence}', {value})")
        finally:
            await connection.close()
        self._deleted[name] = deleted
        if fits and deleted < MOST_DELETED:
            known.free.append(name)
        else:
            await self.drop_database(name)

    async def _read(self, template: str) -> _Template:
        connection = await asyncpg.connect(host=self.host, user=OWNER, database=template)
        try:
            rows: dict[str, bytes] = {}
            tables = await _tables(connection)
            for table in await _with_rows(connection, tables):
                found = bytearray()

                async def keep(data: bytes, found: bytearray = found) -> None:
                    found.extend(data)

                await connection.copy_from_table(table, output=keep, format="binary")
                rows[table] = bytes(found)
            used = await connection.fetch(
                "SELECT sequencename, last_value FROM pg_sequences WHERE last_value IS NOT NULL"
            )
            shape: str = await connection.fetchval(_SHAPE)
            sequences = {one["sequencename"]: one["last_value"] for one in used}
            return _Template(shape, tables, rows, sequences)
        finally:
            await connection.close()

    async def drop_database(self, name: str) -> None:
        """Delete a database, ending connections that are still open."""
        await self._execute(f'DROP DATABASE "{name}" WITH (FORCE)')

    async def _execute(self, statement: str) -> None:
        connection = await asyncpg.connect(host=self.host, user=OWNER, database="postgres")
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


async def _tables(connection: asyncpg.Connection) -> set[str]:
    found = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    return {one["tablename"] for one in found}


async def _with_rows(connection: asyncpg.Connection, tables: Collection[str]) -> list[str]:
    asked = ", ".join(f"EXISTS (SELECT FROM {name})" for name in tables)
    answers = await connection.fetchrow(f"SELECT {asked}")
    return [name for name, some in zip(tables, answers, strict=True) if some]


async def _chunks(data: bytes) -> AsyncIterator[bytes]:
    yield data
