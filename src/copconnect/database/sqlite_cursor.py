"""SQLite connections whose statements go to the thread of their connection once.

SQLAlchemy's own cursor goes there four times for a SELECT: to be made, to execute, to fetch and to
be closed. Each time wakes that thread and then the event loop, which costs more than most
statements. Here one function does all four. Rows are in memory afterwards, as with SQLAlchemy's own
cursor; cursors of streamed results are SQLAlchemy's.
"""

from collections import deque
from typing import Any

from sqlalchemy.dialects.sqlite.aiosqlite import (
    AsyncAdapt_aiosqlite_connection,
    AsyncAdapt_aiosqlite_cursor,
)


class _Cursor(AsyncAdapt_aiosqlite_cursor):
    """A cursor of one statement after another. ``_cursor`` is the driver's of the newest one, which
    is closed; what it says of its statement stays."""

    __slots__ = ()

    def __init__(self, adapt_connection: Any) -> None:
        # Not SQLAlchemy's, which makes a driver's cursor already.
        self._adapt_connection = adapt_connection
        self._connection = adapt_connection._connection
        self._soft_closed_memoized: Any = {}
        self._rows = deque()

    async def _execute_async(self, operation: Any, parameters: Any) -> Any:
        return await self._at_once("execute", operation, parameters or ())

    async def _executemany_async(self, operation: Any, seq_of_parameters: Any) -> Any:
        return await self._at_once("executemany", operation, seq_of_parameters)

    async def _at_once(self, method: str, operation: Any, parameters: Any) -> None:
        connection: Any = self._connection

        def work() -> tuple[Any, deque[Any]]:
            cursor = connection._conn.cursor()
            try:
                getattr(cursor, method)(operation, parameters)
                return cursor, deque(cursor.fetchall() if cursor.description else ())
            finally:
                cursor.close()

        async with self._adapt_connection._execute_mutex:
            self._cursor, self._rows = await connection._execute(work)

    async def _async_soft_close(self) -> None:
        """Nothing is open."""

    def close(self) -> None:
        """Forget the rows."""
        self._rows.clear()


class _Connection(AsyncAdapt_aiosqlite_connection):
    __slots__ = ()

    _cursor_cls = _Cursor

    def rollback(self) -> None:
        """Roll back what has begun. The pool asks for it after each commit too, for nothing.

        Nothing begins later: SQLAlchemy closes the connection of a caller that is cancelled while
        the thread executes its statement.
        """
        if self._connection._connection and self._connection.in_transaction:
            super().rollback()


def connect(dialect: Any, _record: Any, arguments: Any, options: Any) -> _Connection:
    """Open a connection, for SQLAlchemy's event ``do_connect``."""
    made = dialect.loaded_dbapi.connect(*arguments, **options)
    return _Connection(made.dbapi, made._connection)
