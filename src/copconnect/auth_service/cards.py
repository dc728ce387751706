"""PersonCards: what plates show, signed by the roster authority (KEYS.md section 3).

A card is made when it is first needed after the data bank changed, not when the data bank changes:
an import of 63,000 people signs nothing. Invariants: a card bears the time of the change it tells,
later than the card before it; cards are kept for ever; a card is current wherever it is served or
judged, because both go through :meth:`Cards.outdated` first. Two nodes that make the same card at
once take turns at the person's row, and the second finds the card of the first.
"""

import hashlib
from collections.abc import Collection, Mapping

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.auth_service import trust_store
from copconnect.auth_service.authority import RosterSigner
from copconnect.auth_service.ports import People
from copconnect.auth_service.tables import person_cards
from copconnect.clock import Clock
from copconnect.ids import PersonId
from copconnect.principals import Plate
from copconnect.records.person_card import PersonCard


class Cards:
    """Signs cards."""

    def __init__(self, clock: Clock, people: People, signer: RosterSigner) -> None:
        self._clock = clock
        self._people = people
        self._signer = signer

    async def outdated(
        self,
        connection: AsyncConnection,
        rows: Mapping[PersonId, trust_store.PersonRow],
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

    async def refresh(self, connection: AsyncConnection, person_ids: Collection[PersonId]) -> None:
        """Make the cards of these people current, in the caller's transaction."""
        rows = await trust_store.person_rows(connection, person_ids)
        wanted = await self.outdated(connection, rows, person_ids)
        if not wanted:
            return
        await trust_store.touch(connection, wanted)
        # Another node may have made some while this one waited for the rows.
        rows = await trust_store.person_rows(connection, wanted)
        wanted = {one: plate for one, plate in wanted.items() if rows[one].card != _digest(plate)}
        former = await trust_store.newest(connection, person_cards, wanted)
        made: list[tuple[PersonId, int, bytes]] = []
        for person_id, plate in wanted.items():
            before = PersonCard.parse(former[person_id]) if person_id in former else None
            card = self._card(person_id, plate, before)
            made.append((person_id, card.number, card.encode()))
        await trust_store.add_numbered(connection, person_cards, made)
        await trust_store.set_cards(
            connection, {person_id: _digest(plate) for person_id, plate in wanted.items()}
        )

    def _card(self, person_id: PersonId, plate: Plate, before: PersonCard | None) -> PersonCard:
        changed = min(plate.changed_ms, self._clock.now_ms())
        card = PersonCard(
            person_id=bytes.fromhex(person_id),
            number=before.number + 1 if before is not None else 1,
            created=max(changed, before.created + 1 if before is not None else 0),
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
