"""Cursors of SQLite that go to the thread of their connection once for each statement.

SQLAlchemy's driver goes there four times for a SELECT: to make a cursor, to execute, to fetch and
to close it. Each time wakes that thread and then the event loop, which costs more than most
statements. Here one function does all four; only the rows after the first ``FIRST`` are fetched
when they are asked for. Nothing private of aiosqlite or SQLAlchemy is used: aiosqlite runs
``execute`` of the connection's class in the thread, and that class runs functions as well as SQL.
"""

import sqlite3
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

FIRST = 1_000  # Rows that come with their statement.


class SqliteConnection(sqlite3.Connection):
    """``execute`` also takes a function of this connection in place of SQL; ``fetchall`` then
    returns what the function returned."""

    def execute(self, work: Any, parameters: Any = (), /) -> Any:
        """Execute SQL, or call a function."""
        return _Returned(work(self)) if callable(work) else super().execute(work, parameters)


class _Returned:
    def __init__(self, value: Any) -> None:
        self._value = value

    def fetchall(self) -> Any:
        return self._value


def shorten(driver: Any) -> None:
    """Let a connection of aiosqlite to a :class:`SqliteConnection` make cursors of this module. Its
    rollback, which the pool asks for after each commit too, does nothing without a transaction."""
    rollback = driver.rollback

    async def roll_back() -> None:
        if driver.in_transaction:
            await rollback()

    driver.cursor = partial(_Cursor, driver)
    driver.rollback = roll_back


class _Cursor:
    """A cursor with the methods that SQLAlchemy calls, for one statement after another."""

    arraysize = 1

    def __init__(self, driver: Any) -> None:
        self._driver = driver
        self._cursor: sqlite3.Cursor | None = None  # That of the newest statement.
        self._rows: list[Any] = []
        self._open = False  # Whether it may have more rows.

    async def __aenter__(self) -> "_Cursor":
        return self

    @property
    def description(self) -> Any:
        return self._cursor and self._cursor.description

    @property
    def rowcount(self) -> int:
        return -1 if self._cursor is None else self._cursor.rowcount

    @property
    def lastrowid(self) -> int | None:
        return None if self._cursor is None else self._cursor.lastrowid

    async def execute(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        await self._start(lambda cursor: cursor.execute(sql, parameters))

    async def executemany(self, sql: str, parameters: Sequence[Sequence[Any]]) -> None:
        await self._start(lambda cursor: cursor.executemany(sql, parameters))

    async def _start(self, statement: Callable[[sqlite3.Cursor], Any]) -> None:
        def work(connection: SqliteConnection) -> tuple[sqlite3.Cursor, list[Any], bool]:
            cursor = connection.cursor()
            try:
                statement(cursor)
                rows = cursor.fetchmany(FIRST) if cursor.description else []
            except BaseException:
                cursor.close()
                raise
            if len(rows) < FIRST:
                cursor.close()
            return cursor, rows, len(rows) == FIRST

        await self.close()
        self._cursor, self._rows, self._open = await self._driver.execute_fetchall(work)

    async def fetchmany(self, size: int = 1) -> list[Any]:
        if self._open and len(self._rows) < size and self._cursor is not None:
            cursor, lacking = self._cursor, size - len(self._rows)
            more = await self._driver.execute_fetchall(lambda _: cursor.fetchmany(lacking))
            self._rows += more
        rows, self._rows = self._rows[:size], self._rows[size:]
        return rows

    async def fetchone(self) -> Any:
        return next(iter(await self.fetchmany(1)), None)

    async def fetchall(self) -> list[Any]:
        rows, self._rows = self._rows, []
        if self._open and self._cursor is not None:
            cursor = self._cursor
            rows += await self._driver.execute_fetchall(lambda _: cursor.fetchall())
            await self.close()
        return rows

    async def close(self) -> None:
        if self._open and self._cursor is not None:
            self._open, cursor = False, self._cursor
            await self._driver.execute_fetchall(lambda _: cursor.close())
