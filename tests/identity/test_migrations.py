"""Migrations make exactly the tables that the code describes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, inspect, text

from copconnect.database import word_index
from copconnect.database.engine import METADATA, Database, open_database
from copconnect.migrations import OtherSchema, is_current, migrate
from tests.harness.fixtures import BACK_ENDS, apart, copy_of, load_tables
from tests.harness.postgresql import PostgreSQL


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

    def known(name: str | None, kind: str, _: Any) -> bool:
        # SQLAlchemy has no word for them: SQLite keeps an index of words in tables.
        indexes = [
            word_index.name_of(table.name, table.info["word_index"])
            for table in METADATA.sorted_tables
            if "word_index" in table.info
        ]
        return kind == "schema" or not str(name).startswith(tuple(indexes))

    def differences(connection: Connection) -> list[Any]:
        context = MigrationContext.configure(connection, opts={"include_name": known})
        return list(compare_metadata(context, METADATA))

    async with database.transaction() as connection:
        assert await connection.run_sync(differences) == []
    await database.close()


# As another first migration would have made the tables.
OTHERS = {
    "ALTER TABLE attachments ADD COLUMN colour VARCHAR(8)": "an unknown column attachments.colour",
    "ALTER TABLE attachments DROP COLUMN doomed": "it lacks the column attachments.doomed (boolean",
    "ALTER TABLE attachments RENAME COLUMN day TO days": "attachments.day ",
    "DROP TABLE attachment_quotas": "it lacks the column attachment_quotas.",
    "CREATE TABLE forgotten (id INTEGER PRIMARY KEY)": "an unknown column forgotten.id",
    "DROP INDEX ix_attachments_created_ms": "it lacks the index ix_attachments_created_ms",
    "CREATE UNIQUE INDEX one_each ON attachments (uploader)": "unique attachments (uploader)",
    "UPDATE alembic_version SET version_num = '9999'": "newer version",
}


@pytest.fixture(scope="module", params=BACK_ENDS)
def migrated(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Path | str:
    """A migrated database on each back end, to copy: a file, or a database's name."""

    async def make(url: str) -> None:
        database = open_database(url)
        await migrate(database)
        await database.close()

    load_tables()
    if request.param == "sqlite":
        file = tmp_path_factory.mktemp("migrated") / "migrated.sqlite3"
        apart(make(f"sqlite+aiosqlite:///{file}"))
        return file
    server: PostgreSQL = request.getfixturevalue("postgresql")
    name = apart(server.create_database())
    apart(make(server.url(name)))
    return name


@pytest.fixture
def migrated_url(
    request: pytest.FixtureRequest, migrated: Path | str, tmp_path: Path
) -> Iterator[str]:
    """The URL of a test's own migrated database."""
    with copy_of(request, tmp_path, migrated) as url:
        yield url


@pytest.mark.parametrize("statement", OTHERS)
async def test_a_database_with_other_tables_is_refused_and_left(
    migrated_url: str, statement: str
) -> None:
    database = open_database(migrated_url)
    async with database.transaction() as connection:
        await connection.execute(text(statement))
        before = await connection.run_sync(shape)
    with pytest.raises(OtherSchema) as refused:
        await migrate(database)
    assert OTHERS[statement] in refused.value.words
    assert "restore a backup" in refused.value.remedy
    async with database.reading() as connection:
        with pytest.raises(OtherSchema):
            await connection.run_sync(is_current)
        assert await connection.run_sync(shape) == before
    await database.close()


async def test_an_index_of_the_operator_is_no_other_schema(empty_database_url: str) -> None:
    load_tables()
    database = open_database(empty_database_url)
    async with database.reading() as connection:
        assert not await connection.run_sync(is_current)
    await migrate(database)
    async with database.transaction() as connection:
        await connection.execute(text("CREATE INDEX my_own ON attachments (size, day)"))
    await migrate(database)
    async with database.reading() as connection:
        assert await connection.run_sync(is_current)
    await database.close()
