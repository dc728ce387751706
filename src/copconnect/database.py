"""The SQL database: SQLite by default, PostgreSQL by URL; the same statements on both.

Invariants: every write runs inside :meth:`Database.transaction`; on SQLite it takes the write
lock at once (BEGIN IMMEDIATE), on PostgreSQL rows are locked by the UPDATE that comes first.
``METADATA`` collects the tables that each role's ``store.py`` defines; Alembic migrations under
``migrations/`` create them. This module imports nothing of the roles.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from typing import Any

from prometheus_client import Counter
from sqlalchemy import MetaData, event
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

STATEMENTS = Counter("copconnect_database_statements", "SQL statements executed by this process")

METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_N_label)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Database:
    """An engine and its transactions. Safe for concurrent use by tasks of one event loop."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        # One writer at a time, first come first served: SQLite itself would let them poll for its
        # lock, with waits of up to 100 ms.
        self._writing = asyncio.Lock() if self.is_sqlite else None
        self.statements = 0  # Executed since start; tests and benchmarks read differences.
        event.listen(engine.sync_engine, "before_cursor_execute", self._count)

    def _count(self, *_: Any) -> None:
        self.statements += 1
        STATEMENTS.inc()

    @property
    def is_sqlite(self) -> bool:
        """Whether the back end is SQLite."""
        return self.engine.dialect.name == "sqlite"

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """Run a read-write transaction: commit at the end, roll back on any exception."""
        async with self._writing or nullcontext(), self.engine.begin() as connection:
            yield connection

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """Run read-only statements on a consistent snapshot."""
        engine = self.engine
        if self.is_sqlite:
            engine = engine.execution_options(copconnect_read_only=True)
        async with engine.connect() as connection:
            yield connection

    async def close(self) -> None:
        """Close every connection."""
        await self.engine.dispose()


def open_database(url: str) -> Database:
    """Open a database by SQLAlchemy URL (``sqlite+aiosqlite:///…``, ``postgresql+asyncpg://…``)."""
    # Parameters are hidden: an error that is logged must not name numbers or people.
    if url.startswith("sqlite"):
        engine = create_async_engine(url, connect_args={"timeout": 30}, hide_parameters=True)
        event.listen(engine.sync_engine, "connect", _configure_sqlite)
        event.listen(engine.sync_engine, "begin", _begin_sqlite)
    else:
        engine = create_async_engine(
            url, pool_size=10, max_overflow=10, pool_pre_ping=True, hide_parameters=True
        )
    return Database(engine)


def _configure_sqlite(connection: Any, _record: Any) -> None:
    # SQLAlchemy must emit BEGIN itself: the driver's own begins too late and never IMMEDIATE.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    # FULL: an accepted message survives a power cut, not only a crash of the process.
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA busy_timeout=30000")
    cursor.close()


def _begin_sqlite(connection: Any) -> None:
    read_only = connection.get_execution_options().get("copconnect_read_only", False)
    connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")
