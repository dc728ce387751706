"""Pictures that moderators marked, known to the guard by their perceptual hashes.

Invariants: no picture ever reaches this code, only hashes; signed acts alone change the list, and
acts are done one after another (copconnect.admin.acts.acting), so that numbers have no gaps; the
list of a number never changes. ``client/src/guard/pictures.ts`` reads the same list.
"""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import errors, wire
from copconnect.audit import Audit
from copconnect.audit.acts import PictureMarked, PictureUnmarked
from copconnect.bus import AccountWakeup
from copconnect.clock import Clock
from copconnect.conduct.guard import picture_store as store
from copconnect.database.engine import Transaction
from copconnect.limits import KNOWN_PICTURES
from copconnect.principals import Signer
from copconnect.records.primitives.fields import sha256, tag

_LABEL = tag("copconnect pictures v1")


def encoded(pictures: Sequence[tuple[bytes, str]]) -> bytes:
    """Return the bytes of a list, whose hash the guard record names: label, then hash (32), length
    of the class (1) and class of each picture, in order of the hashes."""
    parts = [_LABEL]
    for hash_, claimed in sorted(pictures):
        name = claimed.encode()
        parts += (hash_, bytes((len(name),)), name)
    return b"".join(parts)


def _grouped(pictures: Sequence[tuple[bytes, str]]) -> list[wire.MarkedPictures]:
    by_class: dict[str, list[bytes]] = {}
    for hash_, claimed in pictures:
        by_class.setdefault(claimed, []).append(hash_)
    return [
        wire.MarkedPictures(claimed=claimed, hashes=b"".join(hashes))
        for claimed, hashes in sorted(by_class.items())
    ]


class Pictures:
    """The list. Holds the bytes of its newest number that was read."""

    def __init__(self, clock: Clock, audit: Audit, classes: Collection[str]) -> None:
        self._clock = clock
        self._audit = audit
        self._classes = classes
        self._whole = wire.GuardPictures(after=0, number=0, marked=[], unmarked=b"")

    async def newest(self, connection: AsyncConnection) -> int:
        """Return the number of the last change."""
        return await store.newest(connection)

    async def hash_of(self, connection: AsyncConnection, number: int) -> bytes:
        """Return the hash of the list of a number."""
        listed = await store.listed(connection, number)
        self._whole = wire.GuardPictures(
            after=0, number=number, marked=_grouped(listed), unmarked=b""
        )
        return sha256(encoded(listed))

    async def changes(
        self, connection: AsyncConnection, after: int, number: int
    ) -> wire.GuardPictures:
        """Return what makes the list of ``number`` out of that of ``after``. Raises NotFound for a
        number that was not given yet."""
        if after == 0 and number == self._whole.number:
            return self._whole
        if not 0 <= after <= number or number > await store.newest(connection):
            raise errors.NotFound
        rows = await store.changed(connection, after, number)
        listed = [one for one in rows if one.unmarked_number is None]
        left = [one for one in rows if one.unmarked_number is not None]
        came = [
            one
            for one in (*listed, *(one for one in left if one.unmarked_number > number))
            if one.marked_number > after
        ]
        gone = [one for one in left if one.marked_number <= after and one.unmarked_number <= number]
        return wire.GuardPictures(
            after=after,
            number=number,
            marked=_grouped([(one.hash, one.claimed) for one in came]),
            unmarked=b"".join(one.hash for one in gone),
        )

    # --- Reading for the console --------------------------------------------------------------

    async def page(
        self, connection: AsyncConnection, before: int | None, limit: int
    ) -> Sequence[Any]:
        """Return rows of marked pictures, the newest first."""
        return await store.page(connection, before, limit)

    async def count(self, connection: AsyncConnection) -> int:
        """Return how many pictures are marked."""
        return await store.count(connection)

    # --- Acts ---------------------------------------------------------------------------------

    async def check(self, connection: AsyncConnection, act: wire.MarkPicture) -> None:
        """Raise ActInvalid for a class that the weights do not know, PictureKnown, PicturesFull."""
        if act.claimed not in self._classes:
            raise errors.ActInvalid(reason=f"no class {act.claimed}")
        row = await store.one(connection, bytes.fromhex(act.hash))
        if row is not None:
            raise errors.PictureKnown(claimed=row.claimed)
        if await store.count(connection) >= KNOWN_PICTURES:
            raise errors.PicturesFull(limit=KNOWN_PICTURES)

    async def path_of(self, connection: AsyncConnection, hash_: str) -> str:
        """Return the unit whose moderators marked a picture. Raises NotFound."""
        return str((await self._marked(connection, hash_)).path)

    async def mark(
        self, connection: Transaction, by: Signer, act: wire.MarkPicture, path: str
    ) -> None:
        """Put a picture on the list. Raises as :meth:`check`."""
        await self.check(connection, act)
        values = {
            "marked_number": await store.newest(connection) + 1,
            "hash": bytes.fromhex(act.hash),
            "claimed": act.claimed,
            "reason": act.reason,
            "report_id": act.report_id,
            "path": path,
            "person_id": by.person_id,
            "marked_ms": self._clock.now_ms(),
        }
        await store.mark(connection, values)
        done = PictureMarked(act.hash, act.claimed, act.report_id, act.reason)
        await self._changed(connection, by, done)

    async def unmark(self, connection: Transaction, by: Signer, act: wire.UnmarkPicture) -> None:
        """Take a picture off the list. Raises NotFound."""
        row = await self._marked(connection, act.hash)
        await store.unmark(connection, row.marked_number, await store.newest(connection) + 1)
        await self._changed(connection, by, PictureUnmarked(act.hash, row.claimed, act.reason))

    async def _changed(
        self, connection: Transaction, by: Signer, done: PictureMarked | PictureUnmarked
    ) -> None:
        connection.after_commit(AccountWakeup(event="guard", person_ids=[], client_ids=[]))
        await self._audit.record(connection, by, done)

    async def _marked(self, connection: AsyncConnection, hash_: str) -> Any:
        row = await store.one(connection, bytes.fromhex(hash_))
        if row is None:
            raise errors.NotFound
        return row
