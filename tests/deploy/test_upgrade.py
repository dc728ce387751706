"""The upgrade of docs/operations.md: a wheel with a migration, installed over an older one."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.deploy.releases import Machine, Releases, newest_migration
from tests.deploy.uploader import Uploader
from tests.harness import databank
from tests.harness.server import ServerProcess


@pytest.mark.timeout(400)
def test_the_upgrade_of_the_docs_serves_with_the_data(
    server: ServerProcess, tmp_path: Path
) -> None:
    releases = Releases(tmp_path)
    first = releases.release()
    releases.add_migration(newest_migration())
    second = releases.release()
    assert version(first) < version(second)

    machine = Machine(tmp_path, server.data, server.port)
    with Uploader(server, databank.officers()[1]) as phone:
        phone.register()
        uploaded = {phone.upload(content): content for content in (b"a" * 40, b"b" * 40)}
        server.stop()
        machine.install(first)
        machine.start()
        try:
            before = phone.me()
            said = machine.upgrade(second)
            assert phone.me() == before
            assert {one: phone.download(one) for one in uploaded} == uploaded
            assert version(second) in phone.http.get("/v1/schema/openapi.json").text
        finally:
            machine.stop()
    assert "ok       database: SQLite" in said
    assert "ok       attachments: The blob store has all 2 attachments." in said
    with closing(sqlite3.connect(server.data / "copconnect.sqlite3")) as database:
        assert database.execute("SELECT version_num FROM alembic_version").fetchall() == [
            ("trial",)
        ]
        assert database.execute("SELECT trial FROM attachments").fetchall() == [(7,), (7,)]
    assert len([*machine.backups.glob("*.tar")]) == 1


def version(release: Path) -> str:
    """Return the version of the wheel in a folder."""
    (wheel,) = release.glob("*.whl")
    return wheel.name.split("-")[1]
