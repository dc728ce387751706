"""The list of known pictures, on each database: its numbers, its changes, its bytes, its limit."""

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from copconnect import errors, wire
from copconnect.audit import Audit
from copconnect.bus import LocalBus
from copconnect.conduct.guard import pictures as known
from copconnect.conduct.guard.pictures import Pictures, encoded
from copconnect.database.engine import Database
from copconnect.ids import PersonId, ReportId, new_id
from copconnect.principals import Signer
from copconnect.records.primitives.fields import sha256
from copconnect.records.trust.admin_act import SignedAct
from copconnect.wakeup_log import BusAndLog, WakeupLog
from tests.identity.running import MovedClock

REPORT = ReportId("4" * 32)


def mark(hash_: str, claimed: str = "greeting") -> wire.MarkPicture:
    return wire.MarkPicture(hash=hash_ * 64, claimed=claimed, report_id=REPORT, reason="Daily.")


def by(act: wire.AdminAct) -> Signer:
    """Return somebody whose device signed an act."""
    body, act_id = msgspec.json.encode(act), bytes.fromhex(new_id())
    record = SignedAct(device=bytes(32), act_id=act_id, created=1, body=body)
    signed = record.signed(Ed25519PrivateKey.generate()).encode()
    return Signer(PersonId("5" * 32), bytes(32), "act", signed, "TG/HYD")


class Marked:
    """The list, changed by acts one after another."""

    def __init__(self, database: Database) -> None:
        clock = MovedClock()
        self.database = database
        log = WakeupLog(database, clock, has_bus=True)
        database.announce_through(BusAndLog(LocalBus(), log))
        self.pictures = Pictures(clock, Audit(database, clock), ["greeting", "joke"])

    async def mark(self, act: wire.MarkPicture) -> None:
        async with self.database.transaction() as connection:
            await self.pictures.mark(connection, by(act), act, "TG/HYD")

    async def unmark(self, hash_: str) -> None:
        act = wire.UnmarkPicture(hash=hash_ * 64, reason="A duty chart.")
        async with self.database.transaction() as connection:
            await self.pictures.unmark(connection, by(act), act)

    async def changes(self, after: int, number: int) -> wire.GuardPictures:
        async with self.database.reading() as connection:
            return await self.pictures.changes(connection, after, number)

    async def hash_of(self, number: int) -> bytes:
        async with self.database.reading() as connection:
            return await self.pictures.hash_of(connection, number)


def followed(held: dict[bytes, str], changes: wire.GuardPictures) -> dict[bytes, str]:
    """Return what a device makes of the list that it holds and these changes."""
    gone = {changes.unmarked[at : at + 32] for at in range(0, len(changes.unmarked), 32)}
    came = {
        group.hashes[at : at + 32]: group.claimed
        for group in changes.marked
        for at in range(0, len(group.hashes), 32)
    }
    return {hash_: name for hash_, name in held.items() if hash_ not in gone} | came


async def test_every_list_follows_from_every_former_one(database: Database) -> None:
    marked = Marked(database)
    await marked.mark(mark("a"))
    await marked.mark(mark("b", "joke"))
    await marked.unmark("a")
    await marked.mark(mark("a", "joke"))  # Number 4: the same picture, another class.
    await marked.unmark("b")
    lists = [followed({}, await marked.changes(0, number)) for number in range(6)]
    a, b = bytes.fromhex("a" * 64), bytes.fromhex("b" * 64)
    assert lists == [
        {},
        {a: "greeting"},
        {a: "greeting", b: "joke"},
        {b: "joke"},
        {a: "joke", b: "joke"},
        {a: "joke"},
    ]
    for number, wanted in enumerate(lists):
        assert await marked.hash_of(number) == sha256(encoded(list(wanted.items())))
        for after in range(number + 1):
            changes = await marked.changes(after, number)
            assert followed(lists[after], changes) == wanted
    for after, number in ((0, 6), (3, 2)):
        with pytest.raises(errors.NotFound):
            await marked.changes(after, number)


async def test_a_picture_is_marked_once_and_the_list_has_an_end(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    marked = Marked(database)
    await marked.mark(mark("a"))
    with pytest.raises(errors.PictureKnown) as known_already:
        await marked.mark(mark("a", "joke"))
    assert known_already.value.details == {"claimed": "greeting"}
    with pytest.raises(errors.ActInvalid):
        await marked.mark(mark("b", "news"))
    with pytest.raises(errors.NotFound):
        await marked.unmark("b")
    monkeypatch.setattr(known, "KNOWN_PICTURES", 2)
    await marked.mark(mark("b"))
    with pytest.raises(errors.PicturesFull):
        await marked.mark(mark("c"))
    await marked.unmark("a")
    await marked.mark(mark("c"))
    async with database.reading() as connection:
        assert await marked.pictures.count(connection) == 2
        newest = await marked.pictures.page(connection, None, 10)
        older = await marked.pictures.page(connection, newest[0].marked_number, 10)
    assert [one.hash.hex()[0] for one in newest] == ["c", "b"]
    assert [one.hash.hex()[0] for one in older] == ["b"]
