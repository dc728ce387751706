"""The database's tables, made or upgraded at every start.

``METADATA`` makes the tables of an empty database and gives it the mark of the newest migration;
Alembic migrations change the tables of a database that a former release made. On PostgreSQL an
advisory lock lets one of several nodes migrate while the others wait; on SQLite the transaction's
write lock does the same. A database whose tables are not exactly those of this version is refused,
and left as it was: a migration that somebody edited after it had run has the same mark and other
tables. The roles must be imported: this module makes and compares their tables.
"""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from copconnect import __version__
from copconnect.database import shape
from copconnect.database.engine import METADATA, Database

_LOCK = 0x436F7043  # "CopC"
_NAMED = 3


class OtherSchema(Exception):
    """The database's tables are not those of this version. ``words`` say how they differ,
    ``remedy`` what to do."""

    def __init__(self, words: str, remedy: str) -> None:
        super().__init__(f"{words} {remedy}")
        self.words = words
        self.remedy = remedy


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["connection"] = connection
    return config


def _upgrade(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    if is_current(connection):
        return
    if MigrationContext.configure(connection).get_current_revision() is None:
        METADATA.create_all(connection, checkfirst=False)
        command.stamp(_config(connection), "head")
    else:
        command.upgrade(_config(connection), "head")
    _check_shape(connection)


def is_current(connection: Connection) -> bool:
    """Return whether every migration has run: False before the first start of this version.

    Raises OtherSchema where all have, and the tables are others, and for a newer database.
    """
    stored = MigrationContext.configure(connection).get_current_revision()
    scripts = ScriptDirectory.from_config(_config(connection))
    if stored is not None and stored not in {one.revision for one in scripts.walk_revisions()}:
        raise OtherSchema(
            f"The database was made by a newer version than {__version__}, this one: it has the "
            f"migration {stored}.",
            "Install that version again, or restore a backup from before the upgrade.",
        )
    if stored is None or stored != scripts.get_current_head():
        return False
    _check_shape(connection)
    return True


def _check_shape(connection: Connection) -> None:
    found = shape.difference(connection, METADATA)
    if not found:
        return
    differences = [
        *(f"it lacks the {one}" for one in _few(found.lacks)),
        *(f"it has an unknown {one}" for one in _few(found.unknown)),
    ]
    raise OtherSchema(
        f"The database has other tables than version {__version__}: {'; '.join(differences)}. "
        f"Its schema is {found.found}, this version's is {found.wanted}.",
        "Nothing was changed. Install the version that made the database, or restore a backup of "
        "this version. Where nothing in it matters, as in a trial, delete the data folder (or "
        "empty the database) and begin again.",
    )


def _few(lines: tuple[str, ...]) -> tuple[str, ...]:
    more = len(lines) - _NAMED
    return lines if more < 2 else (*lines[:_NAMED], f"same of {more} others")


async def migrate(database: Database) -> None:
    """Bring the database to the newest version, in one transaction. Raises OtherSchema."""
    async with database.transaction() as connection:
        await connection.run_sync(_upgrade)
