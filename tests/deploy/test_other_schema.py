"""The server, its commands and the doctor refuse a database of another version in words."""

import asyncio
import json
import shutil
import sqlite3
from pathlib import Path

import asyncpg
import pytest

from copconnect.services import processes
from tests.harness import forking
from tests.harness.nats import NatsServer
from tests.harness.postgresql import PostgreSQL
from tests.harness.server import environment_of, run_copconnect

WORDS = "The database has other tables than version"


@pytest.fixture
def edited(department: Path, tmp_path: Path) -> Path:
    """A data folder whose database another first migration made."""
    data = tmp_path / "data"
    shutil.copytree(department, data)
    with sqlite3.connect(data / "copconnect.sqlite3") as database:
        database.execute("ALTER TABLE attachment_quotas RENAME TO quotas")
    return data


def test_a_server_does_not_start_on_it(edited: Path) -> None:
    port = str(processes.free_port())
    given = ["serve", "--data", str(edited), "--port", port]
    gateway = {"sms_gateway_url": "http://127.0.0.1:9/send"}
    result = forking.run("copconnect", given, environment_of(gateway))
    assert result.returncode == 1
    assert WORDS in result.stderr
    assert "it lacks the column attachment_quotas." in result.stderr
    assert "Install the version that made the database" in result.stderr
    assert "Serving" not in result.stderr


def test_commands_refuse_it(edited: Path) -> None:
    with pytest.raises(RuntimeError, match=WORDS):
        run_copconnect(edited, "admin", "grants")


def test_the_doctor_says_so(edited: Path) -> None:
    given = ["doctor", "--json", "--data", str(edited)]
    result = forking.run("copconnect", given, environment_of({}))
    assert result.returncode == 1
    (found,) = [one for one in json.loads(result.stdout) if one["check"] == "database"]
    assert found["verdict"] == "failure"
    assert found["words"].startswith(WORDS)


@pytest.mark.postgresql
@pytest.mark.nats
def test_several_workers_end_where_one_would(
    department: Path,
    postgresql: PostgreSQL,
    nats_server: NatsServer,
) -> None:
    name = asyncio.run(postgresql.create_database())
    url = postgresql.url(name)
    run_copconnect(department, "admin", "grants", database_url=url)  # Which migrates it.

    async def edit() -> None:
        connection = await asyncpg.connect(host=postgresql.host, user="postgres", database=name)
        await connection.execute("ALTER TABLE attachment_quotas RENAME TO quotas")
        await connection.close()

    asyncio.run(edit())
    settings = {"database_url": url, "bus_url": nats_server.url}
    given = ["serve", "--workers", "2", "--data", str(department)]
    given += ["--port", str(processes.free_port())]
    gateway = {"sms_gateway_url": "http://127.0.0.1:9/send"}
    result = forking.run("copconnect", given, environment_of(settings | gateway))
    assert result.returncode == 1
    assert WORDS in result.stderr
