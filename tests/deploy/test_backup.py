"""A backup is made while the server serves, and restored: phones continue after the last step, and
not without it. ``client/test/absence/restored-server.test.ts`` does the same with real phones."""

import asyncio
import os
import secrets
import shutil
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from copconnect import wire
from copconnect.app import command_line
from copconnect.commands.backups import making, restoring
from copconnect.doctor.attachments import attachments
from copconnect.ids import ChangeId, PersonId, new_id
from copconnect.records.conversation.roster import RosterHead
from copconnect.records.primitives.fields import Refused
from copconnect.services.postgresql import installed_binaries
from copconnect.settings import Settings
from tests.deploy.installed import Installed
from tests.deploy.uploader import Uploader, create_group
from tests.harness import databank
from tests.harness.officer import Device
from tests.harness.postgresql import PostgreSQL
from tests.harness.s3 import BUCKET, S3Server
from tests.harness.server import ServerProcess, run_copconnect


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def served(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    department: Path,
    make_server: Callable[..., ServerProcess],
) -> Iterator[tuple[ServerProcess, Installed]]:
    """A server with people on each back end, and its installation."""
    if request.param == "sqlite":
        server = make_server()
        yield server, Installed(tmp_path, server.data)
        return
    postgresql: PostgreSQL = request.getfixturevalue("postgresql")
    url = postgresql.url(asyncio.run(postgresql.create_database()))
    bank = tmp_path / "databank"
    databank.write(bank)
    data = tmp_path / "keys-alone"
    shutil.copytree(department, data, ignore=shutil.ignore_patterns("*.sqlite3*"))
    run_copconnect(data, "directory", "import", str(bank), database_url=url)
    server = make_server(database_url=url)
    yield server, Installed(tmp_path, server.data, url)


def newest(device: Device, conversation: str) -> RosterHead:
    """Return the newest roster head as a phone is given it."""
    path = f"/v1/conversations/{conversation}/head"
    return RosterHead.parse(device.call("GET", path, None, wire.RosterState).head)


def changed(device: Device, conversation: str, add: str) -> None:
    """Add a person to a group."""
    body = wire.ChangeMembers(
        change_id=ChangeId(new_id()), add=[PersonId(add)], remove=[], make_admin=[], revoke_admin=[]
    )
    path = f"/v1/conversations/{conversation}/members"
    device.call("POST", path, body, wire.Conversation)


def members(device: Device, conversation: str) -> set[str]:
    """Return who belongs."""
    path = f"/v1/conversations/{conversation}/members"
    found = device.call("GET", path, None, wire.Members)
    return {one.person_id for one in found.members}


def test_phones_go_on_after_a_restore_and_not_without_its_last_step(
    served: tuple[ServerProcess, Installed],
) -> None:
    server, installed = served
    people = databank.officers()
    blob = server.data / "blobs" / "kept"
    blob.parent.mkdir(exist_ok=True)
    blob.write_bytes(b"ciphertext")
    with Device(server, people[1]) as phone, Device(server, people[2]) as other:
        phone.register()
        other.register()
        group = create_group(phone, other)

        archive = installed.backup()  # While the server serves.
        with Device(server, people[3]) as late:
            late.register()
            changed(phone, group, late.person_id)
            seen = newest(phone, group)  # The phone has seen what the backup does not know.
        blob.unlink()
        server.stop()

        installed.restore(archive, new_incarnation=False)
        server.start()
        assert members(phone, group) == {phone.person_id, other.person_id}
        with pytest.raises(Refused, match="not newer"):
            newest(phone, group).check_follows(seen)
        server.stop()

        said = installed.restore(archive)
        assert "Signed anew: devices of" in " ".join(said.split())
        assert "Restored." in said
        server.start()
        head = newest(phone, group)
        head.check_follows(seen)
        assert head.epoch > seen.epoch + 500
        assert members(phone, group) == {phone.person_id, other.person_id}
        assert blob.read_bytes() == b"ciphertext"
        # The next change is an everyday one.
        with Device(server, people[3]) as again:
            again.register()
            changed(phone, group, again.person_id)
        newest(phone, group).check_follows(head)
        url = installed.database_url
        assert "entries" in run_copconnect(server.data, "audit", "verify", database_url=url)


def chunk_files(blobs: Path) -> dict[str, bytes]:
    """Return the content of every file below a folder."""
    files = [path for path in blobs.rglob("*") if path.is_file()]
    return {str(path.relative_to(blobs)): path.read_bytes() for path in files}


@pytest.mark.parametrize("elsewhere", [False, True])
def test_every_attachment_comes_back_under_the_mounts_of_the_unit(
    make_server: Callable[..., ServerProcess], tmp_path: Path, *, elsewhere: bool
) -> None:
    """Hard links are refused between two bind mounts, even of one disk."""
    blobs = tmp_path / "elsewhere" if elsewhere else None
    server = make_server(**({} if blobs is None else {"blob_url": f"file://{blobs}"}))
    installed = Installed(tmp_path, server.data, blobs=blobs)
    settings = settings_of(server.data, blobs)
    folder = blobs or server.data / "blobs"
    with Uploader(server, databank.officers()[1]) as phone:
        phone.register()
        contents = [secrets.token_bytes(100 + size) for size in range(5)]
        uploaded = {phone.upload(content): content for content in contents}
        archive = installed.backup()
        before = chunk_files(folder)
        late = phone.upload(secrets.token_bytes(50))
        server.stop()
        lost, torn, *_ = [next(folder.rglob(f"{one}/*")) for one in uploaded]
        lost.unlink()
        torn.write_bytes(b"torn")

        found = asyncio.run(attachments(settings))
        assert found.verdict == "failure"
        assert "2 of 6 attachments are missing in the blob store, or cut off" in found.words
        assert lost.parent.name in found.words
        assert torn.parent.name in found.words

        installed.restore(archive)
        assert chunk_files(folder) == before
        assert asyncio.run(attachments(settings)).words == "The blob store has all 5 attachments."
        (aside,) = server.data.glob("before-restore-*")
        assert [path.parent.name for path in aside.rglob("00000")] == [late]
        server.start()
        assert {one: phone.download(one) for one in uploaded} == uploaded


def settings_of(data: Path, blobs: Path | None) -> Settings:
    return Settings(data_dir=data, blob_url="" if blobs is None else f"file://{blobs}")


def test_a_backup_is_whole_and_leaves_nothing_behind(server: ServerProcess, tmp_path: Path) -> None:
    installed = Installed(tmp_path, server.data)
    archive = installed.backup()
    with tarfile.open(archive) as opened:
        names = opened.getnames()
    assert {"copconnect.sqlite3", "keys/issuing.key.pem", "keys/server-secret.bin"} <= {*names}
    assert names[-1] == "manifest.json"
    assert [path.name for path in archive.parent.iterdir()] == [archive.name]


def test_a_backup_says_which_attachments_the_server_itself_lacks(
    server: ServerProcess, tmp_path: Path
) -> None:
    installed = Installed(tmp_path, server.data)
    with Uploader(server, databank.officers()[1]) as phone:
        phone.register()
        kept, lost = phone.upload(b"k" * 40), phone.upload(b"l" * 40)
    (file,) = (server.data / "blobs").rglob(f"{lost}/*")
    file.unlink()
    with pytest.raises(RuntimeError, match=f"1 of 2 attachments are missing here.*: {lost}"):
        installed.backup()
    (archive,) = installed.backups.iterdir()  # The rest is worth a backup.
    with tarfile.open(archive) as opened:
        assert f"blobs/attachments/{kept[:2]}/{kept}/00000" in opened.getnames()


@pytest.mark.s3
def test_a_backup_says_that_s3_is_not_in_it(
    department: Path, tmp_path: Path, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    data = tmp_path / "data"
    shutil.copytree(department, data)
    url = f"s3://{BUCKET}/backups"
    said = run_copconnect(data, "backup", str(tmp_path), blob_url=url)
    assert f"The attachments are in {url} and not in this archive" in said
    (archive,) = tmp_path.glob("*.tar")
    said = run_copconnect(data, "restore", str(archive), blob_url=url)
    assert f"The attachments were in {url} and not in this archive" in said


def test_a_damaged_archive_is_refused_before_anything_changes(
    server: ServerProcess, tmp_path: Path
) -> None:
    installed = Installed(tmp_path, server.data)
    with Uploader(server, databank.officers()[1]) as phone:
        phone.register()
        phone.upload(b"these bytes " * 5)
    archive = installed.backup()
    server.stop()
    whole = archive.read_bytes()
    before = chunk_files(server.data)
    for damaged, words in (
        (
            whole.replace(b"these bytes", b"other bytes", 1),
            r"is damaged: blobs/attachments/\S+ differ",
        ),
        (whole[: len(whole) // 2], "is damaged|has no manifest"),
        (whole[: whole.rindex(b"manifest.json")] + bytes(1024), "has no manifest"),
        (b"no archive", "is damaged"),
    ):
        archive.write_bytes(damaged)
        with pytest.raises(RuntimeError, match=words):
            installed.restore(archive)
    assert chunk_files(server.data) == before


@pytest.mark.postgresql
def test_no_password_is_an_argument(
    department: Path, tmp_path: Path, postgresql: PostgreSQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other accounts of a machine read the arguments of every process."""
    seen = tmp_path / "arguments"
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("pg_dump", "psql", "pg_restore"):
        real = installed_binaries() / name
        (programs / name).write_text(
            f'#!/bin/sh\necho "$0 $* $PGPASSWORD" >>"{seen}"\nexec "{real}" "$@"\n', "utf-8"
        )
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    url = postgresql.url(asyncio.run(postgresql.create_database()))
    url = url.replace("postgres@", "postgres:s3cret%2F@")
    settings = Settings(data_dir=tmp_path / "data", database_url=url)
    shutil.copytree(department, settings.data_dir, ignore=shutil.ignore_patterns("*.sqlite3*"))

    async def round_trip() -> None:
        async with command_line(settings):
            """Opening it has migrated the database."""
        made = await making.back_up(settings, tmp_path)
        await restoring.restore(settings, made.archive)

    asyncio.run(round_trip())
    lines = seen.read_text("utf-8").splitlines()
    assert {Path(line.split()[0]).name for line in lines} == {"pg_dump", "psql", "pg_restore"}
    for line in lines:  # The password is in the environment alone, once.
        assert line.endswith(" s3cret/")
        assert line.count("s3cret") == 1


def test_what_a_restore_refuses(
    server: ServerProcess, tmp_path: Path, postgresql: PostgreSQL
) -> None:
    installed = Installed(tmp_path, server.data)
    with pytest.raises(RuntimeError, match="There is no backup"):
        installed.restore(tmp_path / "missing.tar")
    archive = installed.backup()
    url = postgresql.url(asyncio.run(postgresql.create_database()))
    with pytest.raises(RuntimeError, match="is of SQLite"):
        Installed(tmp_path, server.data, url).restore(archive)
    assert (server.data / "copconnect.sqlite3").is_file()


@pytest.mark.postgresql
def test_a_restore_refuses_while_a_node_serves(
    make_server: Callable[..., ServerProcess], tmp_path: Path, postgresql: PostgreSQL
) -> None:
    url = postgresql.url(asyncio.run(postgresql.create_database()))
    server = make_server(database_url=url)
    installed = Installed(tmp_path, server.data, url)
    archive = installed.backup()
    with pytest.raises(RuntimeError, match="stop every node first"):
        installed.restore(archive)
    server.stop()
    assert "Restored." in installed.restore(archive)
