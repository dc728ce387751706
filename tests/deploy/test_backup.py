"""A backup is made while the server serves, and restored: phones go on after the last step, and
not without it. ``client/test/absence/restored-server.test.ts`` does the same with real phones."""

import asyncio
import shutil
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from copconnect import wire
from copconnect.ids import ChangeId, ConversationId, PersonId, new_id
from copconnect.records.conversation.roster import RosterHead
from copconnect.records.primitives.fields import Refused
from tests.deploy.installed import Installed
from tests.harness import databank
from tests.harness.officer import Device
from tests.harness.postgresql import PostgreSQL
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
        group = ConversationId(new_id())
        body = wire.CreateConversation(
            conversation_id=group,
            kind="group",
            person_ids=[PersonId(other.person_id)],
            who_may_post="everyone",
            history_days=30,
            audience=None,
        )
        phone.call("POST", "/v1/conversations", body, wire.Conversation)

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


def test_a_backup_is_whole_and_leaves_nothing_behind(server: ServerProcess, tmp_path: Path) -> None:
    installed = Installed(tmp_path, server.data)
    archive = installed.backup()
    with tarfile.open(archive) as opened:
        names = {name.removeprefix("./") for name in opened.getnames()}
    assert {"copconnect.sqlite3", "keys/issuing.key.pem", "keys/server-secret.bin"} <= names
    assert [path.name for path in archive.parent.iterdir()] == [archive.name]


def test_what_a_restore_refuses(
    server: ServerProcess, tmp_path: Path, postgresql: PostgreSQL
) -> None:
    installed = Installed(tmp_path, server.data)
    with pytest.raises(RuntimeError, match="There is no backup"):
        installed.restore(tmp_path / "missing.tar")
    archive = installed.backup()
    url = postgresql.url(asyncio.run(postgresql.create_database()))
    with pytest.raises(RuntimeError, match="not of PostgreSQL"):
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
