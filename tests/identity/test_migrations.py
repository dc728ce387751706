"""Migrations make exactly the tables that the code describes."""

from pathlib import Path
from typing import Any

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, inspect, text

from copconnect.database import METADATA, Database, open_database
from copconnect.migrations import _config, migrate
from tests.harness.fixtures import load_tables


def shape(connection: Connection) -> dict[str, Any]:
    """Return tables, columns, indexes and constraints."""
    inspector = inspect(connection)
    return {
        table: (
            [
                (column["name"], str(column["type"]), column["nullable"])
                for column in inspector.get_columns(table)
            ],
            sorted(
                (
                    str(index["name"]),
                    index["column_names"],
                    index["unique"],
                    str(index.get("dialect_options", {}).get("sqlite_where")),
                )
                for index in inspector.get_indexes(table)
            ),
            sorted(map(str, inspector.get_unique_constraints(table))),
            sorted(map(str, inspector.get_foreign_keys(table))),
            sorted(map(str, inspector.get_check_constraints(table))),
            inspector.get_pk_constraint(table),
        )
        for table in inspector.get_table_names()
        if table != "alembic_version"
    }


async def test_migrations_make_exactly_the_metadata(tmp_path: Path) -> None:
    load_tables()
    migrated = open_database(f"sqlite+aiosqlite:///{tmp_path / 'migrated.sqlite3'}")
    created = open_database(f"sqlite+aiosqlite:///{tmp_path / 'created.sqlite3'}")
    await migrate(migrated)
    async with created.transaction() as connection:
        await connection.run_sync(METADATA.create_all)
        wanted = await connection.run_sync(shape)
    async with migrated.transaction() as connection:
        assert await connection.run_sync(shape) == wanted
    await migrated.close()
    await created.close()


async def test_migrations_agree_on_both_back_ends_and_run_twice(empty_database_url: str) -> None:
    load_tables()
    database: Database = open_database(empty_database_url)
    await migrate(database)
    await migrate(database)

    def differences(connection: Connection) -> list[Any]:
        return list(compare_metadata(MigrationContext.configure(connection), METADATA))

    async with database.transaction() as connection:
        assert await connection.run_sync(differences) == []
    await database.close()


async def test_conversations_of_before_have_one_cell_and_keep_their_head(
    empty_database_url: str,
) -> None:
    load_tables()
    database = open_database(empty_database_url)
    try:
        async with database.transaction() as connection:
            await connection.run_sync(lambda one: command.upgrade(_config(one), "0001"))
            await connection.execute(
                text(
                    "INSERT INTO conversations (conversation_id, kind, suite, created_by, "
                    "created_ms, last_seq, who_may_post, members, roster_epoch, roster_head) "
                    "VALUES (:c, 'group', 1, :p, 5, 9, 'everyone', 2, 3, :head)"
                ),
                {"c": "c" * 32, "p": "p" * 32, "head": b"signed head"},
            )
        await migrate(database)
        async with database.reading() as connection:
            heads = await connection.execute(
                text("SELECT conversation_id, roster_epoch, head FROM roster_heads")
            )
            assert [tuple(row) for row in heads] == [("c" * 32, 3, b"signed head")]
            cells = await connection.scalar(text("SELECT cells FROM conversations"))
            assert cells == 1
    finally:
        await database.close()
