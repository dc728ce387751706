"""How SQLite, which knows no statistics here, finds what is asked for all the time."""

from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.dialects import postgresql

from copconnect.auth_service import store
from copconnect.auth_service.trust import device_store
from copconnect.auth_service.trust.administered import Administered
from copconnect.clock import SystemClock
from copconnect.conduct.store import accepted_people
from copconnect.database.engine import METADATA, open_database
from copconnect.directory import store as directory_store
from copconnect.ids import ClientId, PersonId
from tests.harness.fixtures import load_tables


async def test_the_clients_of_people_are_found_by_their_people(tmp_path: Path) -> None:
    load_tables()
    database = open_database(f"sqlite+aiosqlite:///{tmp_path / 'plans.sqlite3'}")
    seen: list[tuple[str, Any]] = []

    def note(_c: object, _k: object, statement: str, parameters: Any, *_: object) -> None:
        seen.append((statement, parameters))

    try:
        async with database.transaction() as connection:
            await connection.run_sync(METADATA.create_all)
            event.listen(database.engine.sync_engine, "before_cursor_execute", note)
            await device_store.listed(connection, [PersonId("p" * 32)] * 500, 1)
            event.remove(database.engine.sync_engine, "before_cursor_execute", note)
            ((statement, parameters),) = seen
            rows = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            plan = [str(row["detail"]) for row in rows.mappings()]
            assert any("ix_auth_clients_by_person" in step for step in plan), plan
    finally:
        await database.close()


async def test_people_are_counted_by_unit_in_indexes_alone(tmp_path: Path) -> None:
    """Reading 63,000 wide rows, or a temporary list of as many people, takes seconds."""
    load_tables()
    database = open_database(f"sqlite+aiosqlite:///{tmp_path / 'counts.sqlite3'}")
    seen: list[tuple[str, Any]] = []

    def note(_c: object, _k: object, statement: str, parameters: Any, *_: object) -> None:
        seen.append((statement, parameters))

    registered = Administered(SystemClock()).people_with()
    try:
        async with database.transaction() as connection:
            await connection.run_sync(METADATA.create_all)
            event.listen(database.engine.sync_engine, "before_cursor_execute", note)
            await directory_store.count_by_unit(connection, [], [registered, accepted_people()])
            event.remove(database.engine.sync_engine, "before_cursor_execute", note)
            ((statement, parameters),) = seen
            rows = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            plan = [str(row["detail"]) for row in rows.mappings()]
    finally:
        await database.close()
    large = ("directory_posts", "directory_people", "auth_clients", "conduct_acceptances")
    for table in large:
        (step,) = (one for one in plan if one.split()[1] == table)
        assert "USING COVERING INDEX" in step, plan
    assert not any("LIST SUBQUERY" in one for one in plan), plan


async def test_when_clients_were_seen_is_written_in_one_order(tmp_path: Path) -> None:
    """Two nodes that lock the same rows in different orders would wait for each other."""
    load_tables()
    database = open_database(f"sqlite+aiosqlite:///{tmp_path / 'order.sqlite3'}")
    seen: list[Any] = []

    def note(_c: object, _k: object, _s: str, parameters: Any, *_: object) -> None:
        seen.extend(parameters)

    try:
        async with database.transaction() as connection:
            await connection.run_sync(METADATA.create_all)
            event.listen(database.engine.sync_engine, "before_cursor_execute", note)
            await store.set_last_seen(connection, {ClientId(one): 1 for one in "cab"})
            event.remove(database.engine.sync_engine, "before_cursor_execute", note)
    finally:
        await database.close()
    assert [client for _, client in seen] == ["a", "b", "c"]


def test_on_postgresql_it_is_one_statement_that_holds_rows_in_that_order() -> None:
    statement = str(store.SET_LAST_SEEN.compile(dialect=postgresql.dialect()))  # type: ignore[no-untyped-call]
    assert "ORDER BY auth_clients.client_id FOR NO KEY UPDATE OF auth_clients" in " ".join(
        statement.split()
    )
