"""SQL that SQLAlchemy has compiled once, and files that were read once, for all of a session.

A server compiles each statement once and reads the guard's weights and the web app once. Tests
start hundreds of servers in their own process, each with a database engine: they would compile
the same statements for each (a tenth of their processor time) and read the same files (5 and
23 ms).
"""

from functools import cache
from typing import Any

import typer.main
from sqlalchemy import Engine
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.dialects.sqlite.aiosqlite import SQLiteDialect_aiosqlite
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

from copconnect.conduct.guard import model
from copconnect.http import web_assets

_COMPILED: dict[Any, Any] = {}


def share() -> None:
    """Let every engine from now on use what another has compiled for the same kind of database, and
    every server the files that another has read.

    The key of compiled SQL has the engine's dialect in it: all of one class are as one.
    """
    read_once()

    def engine_created(cls: type, engine: Engine) -> None:
        del cls
        engine.update_execution_options(compiled_cache=_COMPILED)

    for dialect in (PGDialect_asyncpg, SQLiteDialect_aiosqlite, SQLiteDialect_pysqlite):
        kind: Any = dialect
        kind.engine_created = classmethod(engine_created)
        kind.__eq__ = lambda one, other: type(one) is type(other)
        kind.__hash__ = lambda one: hash(type(one))


def read_once() -> None:
    """Let every server of this process, and of its forked children, use the files that another has
    read, and every command what Typer has made."""
    readers: tuple[tuple[Any, str], ...] = (
        *((model, "read"), (web_assets, "load")),
        (typer.main, "get_command"),  # 25 ms for each command that runs.
    )
    for module, name in readers:
        setattr(module, name, cache(getattr(module, name)))
