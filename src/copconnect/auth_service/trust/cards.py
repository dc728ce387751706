"""PersonCards: what plates show, signed by the roster authority (docs/keys.md).

A card is made when it is first needed after the data bank changed, so an import of 63,000 people
signs nothing; people who have registered get theirs within a minute of it, in the background, so
that a transfer is seen without anybody asking. Invariants: a card bears the time of the change that
it tells, later than the card before it, and at most a minute before it is signed: a device that
read the person's cards just before would otherwise refuse the new one as dated back (E4). Cards are
kept for ever. A card is current wherever it is served or judged, because both call
:meth:`Cards.outdated` first. Two nodes that make the same card at once take turns at the person's
row, and the second node finds the card of the first.
"""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.auth_service import store
from copconnect.auth_service.ports import AccountDirectory
from copconnect.auth_service.tables import person_cards
from copconnect.auth_service.trust import record_store
from copconnect.bus import TrustWakeup
from copconnect.clock import Clock
from copconnect.database.engine import Database, chunks
from copconnect.ids import PersonId
from copconnect.principals import Plate
from copconnect.records.primitives.signed import RosterSigner
from copconnect.records.trust.incarnation import beginning
from copconnect.records.trust.person_card import PersonCard

_DATED_BACK_MS = 60_000


@dataclass(eq=False)
class Cards:
    """Signs cards."""

    _database: Database
    _clock: Clock
    _people: AccountDirectory
    _signer: RosterSigner

    async def follow(self) -> None:
        """Sign cards for registered people whom the data bank has changed since the last time."""
        async with self._database.reading() as connection:
            row = await store.trust_row(connection)
            version = await self._people.people_version(connection)
            if row is None or row.cards_ms == version:
                return
            changed = await self._people.changed_since(connection, row.cards_ms)
            registered = sorted(await store.registered(connection, changed))
        for part in chunks(registered):
            await self.make(part)
        async with self._database.transaction() as connection:
            await store.set_cards_made(connection, version)

    async def make(self, person_ids: Collection[PersonId]) -> None:
        """Make the cards of these people current, in its own transaction."""
        async with self._database.transaction() as connection:
            made = await self.refresh(connection, person_ids)
            if made:
                connection.after_commit(TrustWakeup(person_ids=sorted(made)))

    async def outdated(
        self,
        connection: AsyncConnection,
        rows: Mapping[PersonId, record_store.RecordVersions],
        person_ids: Collection[PersonId],
    ) -> dict[PersonId, Plate]:
        """Return the plates of those people whose newest card says something else; ``rows`` are
        their versions."""
        plates = await self._people.plates(connection, person_ids)
        return {
            person_id: plate
            for person_id, plate in plates.items()
            if person_id not in rows or rows[person_id].card != _digest(plate)
        }

    async def refresh(
        self, connection: AsyncConnection, person_ids: Collection[PersonId]
    ) -> Collection[PersonId]:
        """Make the cards of these people current, in the caller's transaction. Returns whose cards
        are new."""
        rows = await record_store.person_rows(connection, person_ids)
        wanted = await self.outdated(connection, rows, person_ids)
        if not wanted:
            return []
        await record_store.touch(connection, wanted)
        # Another node may have made some while this one waited for the rows.
        rows = await record_store.person_rows(connection, wanted)
        wanted = {one: plate for one, plate in wanted.items() if rows[one].card != _digest(plate)}
        former = await record_store.newest(connection, person_cards, wanted)
        first = beginning(await record_store.newest_incarnation(connection)).number
        made: list[tuple[PersonId, int, bytes]] = []
        for person_id, plate in wanted.items():
            before = PersonCard.parse(former[person_id]) if person_id in former else None
            number = before.number + 1 if before is not None else first
            card = self._card(person_id, plate, number, before)
            made.append((person_id, card.number, card.encode()))
        await record_store.add_numbered(connection, person_cards, made)
        await record_store.set_cards(
            connection, {person_id: _digest(plate) for person_id, plate in wanted.items()}
        )
        return wanted

    def _card(
        self, person_id: PersonId, plate: Plate, number: int, before: PersonCard | None
    ) -> PersonCard:
        now_ms = self._clock.now_ms()
        changed = min(plate.changed_ms, now_ms)
        card = PersonCard(
            person_id=bytes.fromhex(person_id),
            number=number,
            created=max(
                changed, now_ms - _DATED_BACK_MS, before.created + 1 if before is not None else 0
            ),
            names=plate.names,
            rank=plate.rank,
            post=plate.post,
            unit=plate.unit,
            path=plate.path,
        )
        return self._signer.signed(card)


def _digest(plate: Plate) -> str:
    said = (plate.names, plate.rank, plate.post, plate.unit, plate.path)
    return hashlib.sha256(msgspec.msgpack.encode(said)).hexdigest()
