"""Alembic migrations, run at every start.

On PostgreSQL an advisory lock lets one of several nodes migrate while the others wait; on SQLite
the transaction's write lock does the same.
"""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text

from copconnect.database.engine import Database

_LOCK = 0x436F7043  # "CopC"


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["connection"] = connection
    return config


def _upgrade(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    command.upgrade(_config(connection), "head")


async def migrate(database: Database) -> None:
    """Bring the database to the newest version, in one transaction."""
    async with database.transaction() as connection:
        await connection.run_sync(_upgrade)
