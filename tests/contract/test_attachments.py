"""Attachments in a folder and in S3: resuming, bounds, access, cleaning."""

import asyncio
from collections.abc import Collection
from datetime import timedelta
from pathlib import Path

import msgspec
import obstore
import pytest
from sqlalchemy import CompoundSelect, select, union
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import errors, wire
from copconnect.attachments import blobs as blobs_module
from copconnect.attachments import rules, store
from copconnect.attachments.blobs import Blobs, open_blobs
from copconnect.attachments.service import AttachmentService
from copconnect.database.engine import Database
from copconnect.ids import AttachmentId, ClientId, ConversationId, PersonId, Seq, new_id
from copconnect.leases import Leases
from copconnect.principals import NOTHING, Caller
from tests.contract.delivery_world import StillClock
from tests.harness.s3 import BUCKET, S3Server

pytestmark = pytest.mark.databases("sqlite")

HERE, THERE = ConversationId("c" * 32), ConversationId("d" * 32)
TWO_CHUNKS = rules.CHUNK_BYTES + 100


class Members:
    """Alice and Bob are here, Bob and Carol there."""

    places: dict[PersonId, set[ConversationId]] = {}
    moderators: set[PersonId] = set()
    holds: Collection[ConversationId] = ()

    def held(self, _now_ms: int) -> CompoundSelect[tuple[ConversationId]]:
        columns = store.MESSAGES.c.conversation_id, store.HELD.c.conversation_id
        return union(*(select(one).where(one.in_(self.holds)) for one in columns))

    async def reads_case_in(
        self,
        _connection: AsyncConnection,
        person_id: PersonId,
        conversation_ids: Collection[ConversationId],
        _uploaded_ms: int,
    ) -> bool:
        """People of whom the test says that they moderate."""
        return bool(conversation_ids) and person_id in self.moderators

    async def asks_photo(self, *_: object) -> bool:
        """No order asks for one."""
        return False

    async def sees_photo(self, *_: object) -> bool:
        """Nobody oversees one."""
        return False

    async def belongs_to_any(
        self,
        _connection: AsyncConnection,
        person_id: PersonId,
        conversation_ids: Collection[ConversationId],
    ) -> bool:
        return bool(self.places.get(person_id, set()) & set(conversation_ids))


def caller(name: str) -> Caller:
    ids = PersonId(name * 32), ClientId(name * 32)
    return Caller(*ids, device=name.encode() * 32, outstanding=NOTHING)


ALICE, BOB, CAROL = caller("a"), caller("b"), caller("e")


class Shelf:
    """The service with its clock and blobs."""

    def __init__(self, database: Database, blobs: Blobs, quota: int = 10 * TWO_CHUNKS) -> None:
        self.database = database
        self.clock = StillClock()
        self.members = Members()
        self.members.places = {
            ALICE.person_id: {HERE},
            BOB.person_id: {HERE, THERE},
            CAROL.person_id: {THERE},
        }
        self.blobs = blobs
        self.service = AttachmentService(
            database=database,
            clock=self.clock,
            blobs=blobs,
            conversations=lambda: self.members,
            cases=lambda: self.members,
            orders=lambda: self.members,
            leases=Leases(database, self.clock, alone=True),
            quota_bytes_per_day=quota,
            retention_days=180,
        )

    async def begin(self, who: Caller = ALICE, size: int = TWO_CHUNKS) -> AttachmentId:
        status = await self.service.begin(who, begin(size=size))
        return status.attachment_id

    async def fill(self, attachment_id: AttachmentId, size: int = TWO_CHUNKS) -> None:
        for index in range(rules.chunk_count(size)):
            data = bytes([index]) * rules.chunk_size(size, index)
            await self.service.put_chunk(ALICE, attachment_id, index, data)

    async def send(self, *ids: AttachmentId, to: ConversationId = HERE, seq: int = 1) -> None:
        async with self.database.transaction() as connection:
            await self.service.ready(connection, ids, to, Seq(seq))

    async def read(self, who: Caller, attachment_id: AttachmentId, index: int) -> bytes:
        size, pieces = await self.service.read_chunk(who, attachment_id, index)
        data = b"".join([piece async for piece in pieces])
        assert len(data) == size
        return data

    async def used(self) -> int:
        """Return how much of today's quota Alice has used."""
        day = rules.day_of(self.clock.at)
        async with self.database.reading() as connection:
            return await store.used_quota(connection, ALICE.person_id, day)

    async def received(self, attachment_id: AttachmentId) -> list[int]:
        async with self.database.reading() as connection:
            return await store.received(connection, attachment_id)

    async def stored(self) -> list[str]:
        """Return the paths of all objects, and of nothing half written."""
        return [str(one["path"]) for page in obstore.list(self.blobs.store) for one in page]


def begin(attachment_id: str | None = None, size: int = TWO_CHUNKS) -> wire.BeginAttachment:
    return wire.BeginAttachment(
        attachment_id=AttachmentId(attachment_id or new_id()), conversation_id=HERE, size=size
    )


def as_received(body: wire.BeginAttachment) -> wire.BeginAttachment:
    """Decode the bytes as a route does. Raises ValidationError for what the wire does not allow."""
    return msgspec.msgpack.decode(msgspec.msgpack.encode(body), type=wire.BeginAttachment)


@pytest.fixture(params=["folder", pytest.param("s3", marks=pytest.mark.s3)])
def blobs(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Blobs:
    """A store of each kind, empty."""
    if request.param == "folder":
        return open_blobs("", tmp_path)
    server: S3Server = request.getfixturevalue("s3_server")
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    return open_blobs(f"s3://{BUCKET}/{new_id()}", tmp_path)


@pytest.fixture
def shelf(database: Database, blobs: Blobs) -> Shelf:
    return Shelf(database, blobs)


async def test_any_order_resumed_and_repeated(shelf: Shelf) -> None:
    service = shelf.service
    body = begin()
    status = await service.begin(ALICE, body)
    assert (status.chunks, status.received, status.complete) == (2, [], False)
    attachment_id = status.attachment_id
    last = b"z" * 100
    status = await service.put_chunk(ALICE, attachment_id, 1, last)
    assert (status.received, status.complete) == ([1], False)
    assert await service.begin(ALICE, body) == status  # Resumes.
    assert await service.put_chunk(ALICE, attachment_id, 1, last) == status
    with pytest.raises(errors.AttachmentIncomplete):
        await shelf.send(attachment_id)
    status = await service.put_chunk(ALICE, attachment_id, 0, bytes(rules.CHUNK_BYTES))
    assert (status.received, status.complete) == ([0, 1], True)
    await shelf.send(attachment_id)
    assert await shelf.read(BOB, attachment_id, 1) == last
    assert await shelf.used() == TWO_CHUNKS


@pytest.mark.databases("sqlite", "postgresql")
async def test_chunks_at_once_complete(shelf: Shelf) -> None:
    size = 4 * rules.CHUNK_BYTES
    attachment_id = await shelf.begin(size=size)
    await asyncio.gather(
        *(
            shelf.service.put_chunk(ALICE, attachment_id, index, bytes(rules.CHUNK_BYTES))
            for index in [0, 1, 2, 3, 3, 0]
        )
    )
    await shelf.send(attachment_id)  # Only a complete one.


@pytest.mark.databases("sqlite", "postgresql")
async def test_the_first_bytes_of_a_chunk_stay(shelf: Shelf) -> None:
    attachment_id = await shelf.begin()
    versions = [bytes([n]) * 100 for n in range(4)]
    puts = [shelf.service.put_chunk(ALICE, attachment_id, 1, data) for data in [*versions] * 3]
    answers = await asyncio.gather(*puts, return_exceptions=True)
    accepted = [isinstance(one, wire.AttachmentStatus) for one in answers]
    refused = [one for one in answers if isinstance(one, errors.ChunkDiffers)]
    assert (accepted.count(True), len(refused)) == (3, 9)
    stored = await shelf.read(ALICE, attachment_id, 1)
    assert stored == versions[accepted.index(True)]
    with pytest.raises(errors.ChunkDiffers):
        await shelf.service.put_chunk(ALICE, attachment_id, 1, bytes([9]) * 100)
    assert await shelf.read(ALICE, attachment_id, 1) == stored


async def test_a_crash_between_blob_and_row_costs_nothing(shelf: Shelf) -> None:
    attachment_id = await shelf.begin()
    await shelf.blobs.create(rules.blob_path(attachment_id, 1), b"z" * 100)
    with pytest.raises(errors.NotFound):
        await shelf.read(ALICE, attachment_id, 1)
    status = await shelf.service.put_chunk(ALICE, attachment_id, 1, b"z" * 100)
    assert status.received == [1]


@pytest.mark.s3
async def test_an_outage_of_s3_is_told_and_passes(
    database: Database, s3_server: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(blobs_module, "RETRY_FOR", timedelta(seconds=1))
    shelf = Shelf(database, open_blobs(f"s3://{BUCKET}/{new_id()}", tmp_path))
    attachment_id = await shelf.begin()
    s3_server.stop()
    try:
        with pytest.raises(errors.Overloaded):
            await shelf.service.put_chunk(ALICE, attachment_id, 1, bytes(100))
        assert await shelf.received(attachment_id) == []
    finally:
        s3_server.start()
    assert (await shelf.service.put_chunk(ALICE, attachment_id, 1, bytes(100))).received == [1]
    assert await shelf.read(BOB, attachment_id, 1) == bytes(100)


@pytest.mark.parametrize(
    ("index", "size"),
    [(0, 5), (0, rules.CHUNK_BYTES + 1), (1, 99), (1, 101), (2, 100), (0, 0), (99999, 16)],
)
async def test_wrong_chunks_store_nothing(shelf: Shelf, index: int, size: int) -> None:
    attachment_id = await shelf.begin()
    with pytest.raises(errors.ChunkInvalid):
        await shelf.service.put_chunk(ALICE, attachment_id, index, bytes(size))
    assert await shelf.stored() == []
    assert await shelf.received(attachment_id) == []


@pytest.mark.parametrize(
    "size", [rules.CHUNK_BYTES + 1, rules.CHUNK_BYTES + 15, rules.CHUNK_BYTES + 16]
)
async def test_sizes_that_no_chunks_have(shelf: Shelf, size: int) -> None:
    with pytest.raises(errors.BadRequest):
        await shelf.begin(size=size)


async def test_the_largest_file_has_2_gib(database: Database, tmp_path: Path) -> None:
    largest = 2 * 1024**3
    whole = largest + 2048 * rules.TAG_BYTES
    shelf = Shelf(database, open_blobs("", tmp_path), quota=2 * whole)
    status = await shelf.service.begin(ALICE, as_received(begin(size=whole)))
    assert (status.size, status.received, status.complete) == (whole, [], False)
    assert rules.chunk_count(whole) == 2048
    last = bytes(rules.CHUNK_BYTES)
    status = await shelf.service.put_chunk(ALICE, status.attachment_id, 2047, last)
    assert status.received == [2047]
    one_more = largest + 1 + 2049 * rules.TAG_BYTES
    for size in range(whole + 1, one_more + 1):
        with pytest.raises((errors.BadRequest, msgspec.ValidationError)):
            await shelf.service.begin(ALICE, as_received(begin(size=size)))
    assert await shelf.used() == whole


async def test_access_follows_membership_and_shares(shelf: Shelf) -> None:
    attachment_id = await shelf.begin()
    share = wire.ShareAttachment(conversation_id=THERE)
    await shelf.fill(attachment_id)
    with pytest.raises(errors.NotFound):
        await shelf.read(CAROL, attachment_id, 0)
    # A moderator to whom a report is sealed reads files that were sent, and neither writes nor
    # shares any, not even to a conversation of the moderator's own.
    shelf.members.moderators = {CAROL.person_id}
    with pytest.raises(errors.NotFound):
        await shelf.read(CAROL, attachment_id, 0)
    await shelf.send(attachment_id)
    assert await shelf.read(CAROL, attachment_id, 0) == bytes(rules.CHUNK_BYTES)
    with pytest.raises(errors.NotMember):
        await shelf.begin(CAROL)
    with pytest.raises(errors.NotFound):
        await shelf.service.share(CAROL, attachment_id, share)
    shelf.members.moderators = set()
    with pytest.raises(errors.NotFound):
        await shelf.service.put_chunk(BOB, attachment_id, 0, bytes(rules.CHUNK_BYTES))
    with pytest.raises(errors.NotFound):
        await shelf.service.share(CAROL, attachment_id, share)
    with pytest.raises(errors.NotMember):
        await shelf.service.share(ALICE, attachment_id, share)
    with pytest.raises(errors.AttachmentIncomplete):
        await shelf.send(attachment_id, to=THERE)
    await shelf.service.share(BOB, attachment_id, share)
    await shelf.send(attachment_id, to=THERE)
    assert await shelf.read(CAROL, attachment_id, 0) == bytes(rules.CHUNK_BYTES)
    shelf.members.places[BOB.person_id] = set()
    with pytest.raises(errors.NotFound):
        await shelf.read(BOB, attachment_id, 0)


async def test_foreign_and_taken_ids(shelf: Shelf) -> None:
    body = begin()
    await shelf.service.begin(ALICE, body)
    with pytest.raises(errors.NotFound):
        await shelf.service.begin(BOB, body)
    with pytest.raises(errors.BadRequest):
        await shelf.service.begin(ALICE, begin(body.attachment_id, 100))
    with pytest.raises(errors.NotMember):
        await shelf.service.begin(CAROL, begin())


@pytest.mark.databases("sqlite", "postgresql")
async def test_quota_of_a_day(database: Database, blobs: Blobs) -> None:
    shelf = Shelf(database, blobs, quota=2 * TWO_CHUNKS)
    bodies = [begin() for _ in range(4)]
    answers = await asyncio.gather(
        *(shelf.service.begin(ALICE, one) for one in bodies), return_exceptions=True
    )
    assert [type(one) for one in answers].count(wire.AttachmentStatus) == 2
    refused = [one for one in answers if isinstance(one, errors.QuotaExceeded)]
    assert [one.details for one in refused] == 2 * [
        {"used": 2 * TWO_CHUNKS, "limit": 2 * TWO_CHUNKS}
    ]
    first = next(one for one in answers if isinstance(one, wire.AttachmentStatus))
    await shelf.service.begin(BOB, begin())  # Each person has their own.
    await shelf.service.delete(ALICE, first.attachment_id)
    assert await shelf.used() == TWO_CHUNKS
    await shelf.service.begin(ALICE, begin())
    shelf.clock.at += rules.DAY_MS
    assert await shelf.used() == 0


async def test_the_day_begins_at_midnight_in_india() -> None:
    midnight = 1_764_009_000_000  # 2025-11-25 00:00 IST.
    assert rules.day_of(midnight) == rules.day_of(midnight - 1) + 1


async def test_deleted_before_sending_only(shelf: Shelf) -> None:
    sent, dropped = await shelf.begin(), await shelf.begin()
    for one in (sent, dropped):
        await shelf.fill(one)
    await shelf.send(sent)
    with pytest.raises(errors.BadRequest):
        await shelf.service.delete(ALICE, sent)
    with pytest.raises(errors.NotFound):
        await shelf.service.delete(BOB, dropped)
    await shelf.service.delete(ALICE, dropped)
    assert len(await shelf.stored()) == 2
    with pytest.raises(errors.NotFound):
        await shelf.read(ALICE, dropped, 0)


async def test_abandoned_and_expired_are_cleaned(shelf: Shelf) -> None:
    sent, abandoned = await shelf.begin(), await shelf.begin()
    for one in (sent, abandoned):
        await shelf.fill(one)
    await shelf.send(sent)
    shelf.clock.at += rules.DAY_MS
    await shelf.service.clean()
    assert len(await shelf.stored()) == 4  # Not yet: exactly a day old.
    shelf.clock.at += 1
    await shelf.service.clean()
    assert len(await shelf.stored()) == 2
    with pytest.raises(errors.NotFound):
        await shelf.read(ALICE, abandoned, 0)
    shelf.clock.at += 180 * rules.DAY_MS
    shelf.members.holds = [HERE]
    await shelf.service.clean()
    assert len(await shelf.stored()) == 2
    shelf.members.holds = [THERE]
    await shelf.service.clean()
    assert await shelf.stored() == []


async def test_a_full_disk_stores_nothing(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    attachment_id = await shelf.begin()

    async def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(obstore, "put_async", full)
        with pytest.raises(errors.StorageFull):
            await shelf.service.put_chunk(ALICE, attachment_id, 1, bytes(100))
    assert await shelf.received(attachment_id) == []
    assert (await shelf.service.put_chunk(ALICE, attachment_id, 1, bytes(100))).received == [1]


@pytest.mark.databases("sqlite", "postgresql")
async def test_m3_a_deleted_message_takes_the_files_that_no_other_names(shelf: Shelf) -> None:
    alone, twice, forwarded = [await shelf.begin() for _ in range(3)]
    for one in (alone, twice, forwarded):
        await shelf.fill(one)
    await shelf.service.share(BOB, forwarded, wire.ShareAttachment(conversation_id=THERE))
    await shelf.send(alone, twice, forwarded, seq=1)
    await shelf.send(twice, seq=2)
    await shelf.send(forwarded, to=THERE, seq=1)
    async with shelf.database.transaction() as connection:
        await shelf.service.drop(connection, HERE, Seq(1))
    with pytest.raises(errors.NotFound):
        await shelf.read(ALICE, alone, 0)
    for one, conversations in ((twice, [HERE]), (forwarded, [THERE])):
        await shelf.read(ALICE, one, 0)
        async with shelf.database.reading() as connection:
            assert await store.shared_to(connection, one) == conversations
    await shelf.service.clean()
    assert len(await shelf.stored()) == 4


@pytest.mark.databases("sqlite", "postgresql")
async def test_m3_a_deleted_message_of_a_held_conversation_hides_its_files_until_the_hold_ends(
    shelf: Shelf,
) -> None:
    file, elsewhere = await shelf.begin(), await shelf.begin()
    for one in (file, elsewhere):
        await shelf.fill(one)
    await shelf.service.share(BOB, elsewhere, wire.ShareAttachment(conversation_id=THERE))
    await shelf.send(file, elsewhere, seq=1)
    await shelf.send(elsewhere, to=THERE, seq=1)
    shelf.members.holds = [HERE]
    async with shelf.database.transaction() as connection:
        await shelf.service.drop(connection, HERE, Seq(1), held=True)
    for caller in (ALICE, BOB):  # Neither who sent it nor anybody else.
        with pytest.raises(errors.NotFound):
            await shelf.service.read_chunk(caller, file, 0)
    await shelf.read(BOB, elsewhere, 0)
    shelf.clock.at += 181 * rules.DAY_MS
    await shelf.service.clean()
    assert len(await shelf.stored()) == 4
    shelf.members.holds = []
    await shelf.service.clean()
    assert await shelf.stored() == []
