"""SQL that SQLAlchemy has compiled once, for all databases of a session.

A server compiles each statement once. Tests open hundreds of databases, each with an engine of its
own, and would compile the same statements for each: a tenth of their processor time.
"""

from typing import Any

from sqlalchemy import Engine
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.dialects.sqlite.aiosqlite import SQLiteDialect_aiosqlite
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

_COMPILED: dict[Any, Any] = {}


def share() -> None:
    """Let every engine from now on use what another has compiled for the same kind of database.

    The key of compiled SQL has the engine's dialect in it: all of one class are as one.
    """

    def engine_created(cls: type, engine: Engine) -> None:
        del cls
        engine.update_execution_options(compiled_cache=_COMPILED)

    for dialect in (PGDialect_asyncpg, SQLiteDialect_aiosqlite, SQLiteDialect_pysqlite):
        kind: Any = dialect
        kind.engine_created = classmethod(engine_created)
        kind.__eq__ = lambda one, other: type(one) is type(other)
        kind.__hash__ = lambda one: hash(type(one))
