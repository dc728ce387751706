"""The SQL database: SQLite by default, PostgreSQL by URL; the same statements on both.

Invariants: every write runs inside :meth:`Database.transaction`; on SQLite it takes the write
lock at once (BEGIN IMMEDIATE), on PostgreSQL rows are locked by the UPDATE that comes first.
Short and frequent work runs in :meth:`Database.write_at_once`: on SQLite without leaving the
writing thread between its statements, because each way there and back costs more than a statement.
Work that must happen after a commit is registered with the transaction (:class:`Transaction`), in
whose lifetime alone it is decided whether other processes learn of it from the bus or from the
database.
``METADATA`` collects the tables that each role's ``store.py`` defines; ``migrations/`` creates
and upgrades them. This module imports nothing of the roles.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from itertools import islice
from typing import Any, Protocol, TypeVar

from prometheus_client import Counter
from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Engine,
    MetaData,
    bindparam,
    case,
    create_engine,
    event,
    func,
    literal,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DataError, DBAPIError, InvalidatePoolError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from copconnect import errors
from copconnect.bus import AnyWakeup
from copconnect.database.sqlite_cursor import SqliteConnection, shorten
from copconnect.database.word_index import PENDING, PENDING_MOST

T = TypeVar("T")
C = TypeVar("C", bound=AsyncConnection)
CONNECTIONS = 20  # To PostgreSQL, of one process.
PREPARED = 500  # Statements that a connection to PostgreSQL keeps prepared.
POOL_WAIT_S = 10.0  # For a connection; then the answer asks the caller to retry.
CACHE_KB = 16_000  # SQLite keeps so many pages for each connection: the indexes of a force fit.
LOCK_WAIT_MS = 30_000  # For another process that writes to the same SQLite file.
CHUNK = 500  # PostgreSQL takes 32,767 parameters in one statement.
BULK = 4_000  # Rows inserted at a time; between two batches other tasks have their turn.
IDLE_S = 2.0  # After which a connection is asked whether its server is there.
_RETURNED_AT = "copconnect_returned_at"
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


def upsert_for(dialect: str, table: Any) -> Any:
    """Return an INSERT that can say ON CONFLICT in a dialect."""
    return (sqlite if dialect == "sqlite" else postgresql).insert(table)


def at_least(value: ColumnElement[int], least: int) -> ColumnElement[int]:
    """Return the greater of an expression and a number."""
    return case((value < least, literal(least, BigInteger())), else_=value)


def chunks(items: Iterable[T], size: int = CHUNK) -> Iterator[list[T]]:
    """Split what may be long so that no statement has too many parameters."""
    iterator = iter(items)
    while part := list(islice(iterator, size)):
        yield part


def padded(items: Iterable[T]) -> Iterator[list[T]]:
    """Split as :func:`chunks` does what a statement compares with: each part repeats its last item
    until its length is a power of two. PostgreSQL then prepares ten statements in place of 500."""
    for part in chunks(items):
        yield part + part[-1:] * ((1 << (len(part) - 1).bit_length()) - len(part))


def unnested(name: str, column: Column[Any]) -> Any:
    """Return the rows of an array that is bound by this name, of a column's type. PostgreSQL."""
    return func.unnest(bindparam(name, type_=postgresql.ARRAY(column.type)))


class Announcer(Protocol):
    """How wake-ups leave a transaction (:mod:`copconnect.wakeup_log`)."""

    async def record(self, connection: AsyncConnection, wakeups: Sequence[AnyWakeup]) -> None:
        """Store, in the transaction, wake-ups that must not be lost, or that no bus would carry."""

    async def publish(self, wakeups: Sequence[AnyWakeup]) -> None:
        """Send them. Never raises for a lost connection."""


class Transaction(AsyncConnection):
    """A connection in a read-write transaction, and the wake-ups that its commit releases."""

    def __init__(self, engine: AsyncEngine) -> None:
        super().__init__(engine)
        self.wakeups: list[AnyWakeup] = []

    def after_commit(self, *wakeups: AnyWakeup) -> None:
        """Send wake-ups once the transaction has committed; never, if it does not."""
        self.wakeups += wakeups


class Later:
    """Wake-ups of committed transactions that are sent together (:meth:`Database.transaction`)."""

    def __init__(self, database: "Database") -> None:
        self._database = database
        self.wakeups: list[AnyWakeup] = []

    async def publish(self) -> None:
        """Send them. A crash before this loses only wake-ups that other processes read anyway."""
        wakeups, self.wakeups = self.wakeups, []
        await self._database.publish(wakeups)


class SqliteWriter:
    """One thread, and the engine whose connection is used in it and nowhere else."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._thread = ThreadPoolExecutor(1, "database")

    async def run(self, work: Callable[[Connection], T]) -> T:
        """Run ``work`` in one transaction: there and back once, however many statements it has."""

        def write() -> T:
            with self.engine.begin() as connection:
                return work(connection)

        return await asyncio.get_running_loop().run_in_executor(self._thread, write)

    async def close(self) -> None:
        """Close the connection, where it was opened, and end the thread."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self.engine.dispose)
        self._thread.shutdown(wait=False)


class Database:
    """An engine and its transactions. Safe for concurrent use by tasks of one event loop."""

    def __init__(self, engine: AsyncEngine, writer: SqliteWriter | None = None) -> None:
        self.engine = engine
        self._writer = writer
        # One writer at a time, first come first served: SQLite itself would let them poll for its
        # lock, with waits of up to 100 ms.
        self._writing = asyncio.Lock() if self.is_sqlite else None
        options = (
            {"copconnect_read_only": True}
            if self.is_sqlite
            else {"isolation_level": "REPEATABLE READ"}
        )
        self._snapshots = engine.execution_options(**options)
        alone = {} if self.is_sqlite else {"isolation_level": "AUTOCOMMIT"}
        self._without_transaction = self._snapshots.execution_options(**alone)
        self._announcer: Announcer | None = None
        self.statements = 0  # Executed since start; tests and benchmarks read differences.
        for one in self.sync_engines:
            event.listen(one, "before_cursor_execute", self._count)

    @property
    def sync_engines(self) -> list[Engine]:
        """Every engine that executes statements, for callers that count or watch them."""
        engines = [self.engine.sync_engine]
        return engines if self._writer is None else [*engines, self._writer.engine]

    def _count(self, *_: Any) -> None:
        self.statements += 1
        STATEMENTS.inc()

    @property
    def is_sqlite(self) -> bool:
        """Whether the back end is SQLite."""
        return self.engine.dialect.name == "sqlite"

    def announce_through(self, announcer: Announcer) -> None:
        """Send wake-ups through an announcer from now on; the composition root calls it once."""
        self._announcer = announcer

    @asynccontextmanager
    async def transaction(self, later: Later | None = None) -> AsyncIterator[Transaction]:
        """Run a read-write transaction: commit at the end, roll back on any exception.

        ``later`` collects the wake-ups of several transactions. Raises Overloaded where no
        connection is to be had.
        """
        async with (
            self._writing or nullcontext(),
            _lent(Transaction(self.engine), uncut=self.is_sqlite) as connection,
            connection.begin(),
        ):
            yield connection
            if connection.wakeups:
                await self._required_announcer().record(connection, connection.wakeups)
        if later is None:
            await self.publish(connection.wakeups)
        else:
            later.wakeups += connection.wakeups

    def later(self) -> Later:
        """Return an empty collection of wake-ups for :meth:`transaction`."""
        return Later(self)

    async def publish(self, wakeups: Sequence[AnyWakeup]) -> None:
        """Send wake-ups of what is committed; transactions do so automatically."""
        if wakeups:
            await self._required_announcer().publish(wakeups)

    def _required_announcer(self) -> Announcer:
        if self._announcer is None:
            raise RuntimeError("no announcer: call announce_through first")
        return self._announcer

    async def write_at_once(
        self,
        work: Callable[[Connection], T],
        wakeups_of: Callable[[T], Sequence[AnyWakeup]] = lambda _: (),
    ) -> T:
        """Run ``work`` in its own read-write transaction, like :meth:`transaction`.

        ``work`` waits for nothing but its statements. It may run in another thread, so it touches
        only what it was given. Cancelling the caller does not stop what has begun: it commits or
        rolls back, and only then may the next one write. ``wakeups_of`` makes, from its result, the
        wake-ups to send after the commit; they are never stored.
        """
        if self._writer is None:
            async with self.transaction() as connection:
                result = await connection.run_sync(work)
        else:
            writing = asyncio.create_task(self._write(self._writer, work))
            result = await asyncio.shield(writing)
        await self.publish(wakeups_of(result))
        return result

    async def _write(self, writer: SqliteWriter, work: Callable[[Connection], T]) -> T:
        async with self._writing or nullcontext():
            return await writer.run(work)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """Run read-only statements on a consistent snapshot. Raises Overloaded as above."""
        async with _lent(self._snapshots.connect(), uncut=self.is_sqlite) as connection:
            yield connection

    @asynccontextmanager
    async def reading_once(self) -> AsyncIterator[AsyncConnection]:
        """Run one read-only statement: PostgreSQL gets no BEGIN and no ROLLBACK, which cost as much
        as a short statement each. Raises Overloaded as above."""
        lent = self._without_transaction.connect()
        async with _lent(lent, uncut=self.is_sqlite) as connection:
            yield connection

    async def close(self) -> None:
        """Close every connection."""
        if self._writer is not None:
            await self._writer.close()
        await self.engine.dispose()


def refusal_of(error: Exception) -> errors.CopConnectError:
    """Return what to tell a caller of an error of the driver, the pool or the system."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    text = str(cause)
    # PostgreSQL refuses text that SQLite stores, such as a zero character.
    if isinstance(error, DataError) or "invalid byte sequence" in text:
        return errors.BadRequest(reason="a value that cannot be stored")
    full = ("disk is full", "No space left", "DiskFull")
    if any(words in text for words in full) or (isinstance(cause, OSError) and cause.errno == 28):
        return errors.StorageFull(retry_after_ms=30_000)
    return errors.Overloaded(retry_after_ms=2_000)


@asynccontextmanager
async def _lent(connection: C, *, uncut: bool) -> AsyncIterator[C]:
    """Lend a connection. Raises Overloaded when the pool or the server has none, or it is away.

    ``uncut``: a caller that is cancelled waits until the connection is open and closed again.
    """
    async with AsyncExitStack() as stack:
        try:
            if uncut:
                await _start_uncut(connection)
                stack.push_async_exit(connection)
            else:
                await stack.enter_async_context(connection)
        except (PoolTimeout, DBAPIError, OSError) as error:
            raise refusal_of(error) from error
        yield connection


async def _start_uncut(connection: AsyncConnection) -> None:
    # If the opening is cut off, aiosqlite leaves the new connection's thread to itself, which then
    # reports to an event loop that may have been closed.
    starting = asyncio.create_task(connection.start())
    try:
        await asyncio.shield(starting)
    except asyncio.CancelledError:
        await asyncio.wait([starting])
        if starting.exception() is None:
            await connection.close()
        raise


def open_database(url: str) -> Database:
    """Open a database by SQLAlchemy URL (``sqlite+aiosqlite:///…``, ``postgresql+asyncpg://…``)."""
    # Parameters are hidden: an error that is logged must not name numbers or people.
    if url.startswith("sqlite"):
        options: dict[str, Any] = {"pool_timeout": POOL_WAIT_S, "hide_parameters": True}
        engine = create_async_engine(url, connect_args={"factory": SqliteConnection}, **options)
        event.listen(engine.sync_engine, "connect", _shorten_sqlite)
        writing = create_engine(engine.url.set(drivername="sqlite"), pool_size=1, **options)
        for one in (engine.sync_engine, writing):
            event.listen(one, "connect", _configure_sqlite)
            event.listen(one, "begin", _begin_sqlite)
        return Database(engine, SqliteWriter(writing))
    engine = create_async_engine(
        url,
        pool_size=CONNECTIONS,
        max_overflow=0,  # Overflow connections close after use and lose what they prepared.
        pool_use_lifo=True,  # The connection that was used last has prepared the most statements.
        pool_timeout=POOL_WAIT_S,
        hide_parameters=True,
        connect_args={
            "prepared_statement_cache_size": PREPARED,
            "server_settings": {PENDING: PENDING_MOST},
        },
    )
    _look_after(engine)
    return Database(engine)


def _look_after(engine: AsyncEngine) -> None:
    """Lend no connection whose server has gone.

    A server that ends says so, and the driver has heard it. One that vanished does not: who was
    idle is asked, with three ways there and back. Asking before each loan, as SQLAlchemy's
    ``pool_pre_ping`` does, was a third of all ways to the server.
    """
    dialect: Any = engine.dialect

    def lent(connection: Any, record: Any, _: Any) -> None:
        if connection.driver_connection.is_closed():
            raise InvalidatePoolError
        returned_at = record.info.get(_RETURNED_AT)  # None: new.
        if returned_at is None or time.monotonic() - returned_at < IDLE_S:
            return
        try:
            dialect.do_ping(connection)
        except dialect.loaded_dbapi.Error as error:
            raise InvalidatePoolError from error

    def returned(_: Any, record: Any) -> None:
        record.info[_RETURNED_AT] = time.monotonic()

    event.listen(engine.sync_engine, "checkout", lent)
    event.listen(engine.sync_engine, "checkin", returned)


def _shorten_sqlite(_connection: Any, record: Any) -> None:
    shorten(record.driver_connection)


def _configure_sqlite(connection: Any, _record: Any) -> None:
    # SQLAlchemy must emit BEGIN itself: the driver's own begins too late and never IMMEDIATE.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={LOCK_WAIT_MS}")
    cursor.execute("PRAGMA journal_mode=WAL")
    # FULL: an accepted message survives a power cut, not only a crash of the process.
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute(f"PRAGMA cache_size=-{CACHE_KB}")
    cursor.close()


def _begin_sqlite(connection: Any) -> None:
    read_only = connection.get_execution_options().get("copconnect_read_only", False)
    connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")
