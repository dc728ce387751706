"""Interfaces that the Authentication Service needs of other roles; ``app.py`` passes them in."""

from collections.abc import Collection, Mapping, Sequence
from typing import Literal, Protocol

from sqlalchemy import Select
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import wire
from copconnect.database.engine import Transaction
from copconnect.ids import ClientId, PersonId
from copconnect.principals import Acceptance, Plate

LossReason = Literal["suspended", "removed"]
EndReason = LossReason | Literal["device_removed", "signed_out", "locked"]


class Memberships(Protocol):
    """The Delivery Service's rosters."""

    async def devices_changed(
        self, connection: Transaction, person_ids: Collection[PersonId], *, urgent: bool
    ) -> None:
        """The listed devices of these people may be others now: compare them with the leaves of
        their conversations and make new heads, in the caller's transaction. ``urgent``: somebody
        was revoked, so nothing is batched."""

    async def any_held(self, connection: AsyncConnection) -> bool:
        """Return whether a legal hold keeps messages past their time."""


class AccountDirectory(Protocol):
    """The Directory."""

    async def active_by_number(self, connection: AsyncConnection, number: str) -> PersonId | None:
        """Return the active person with this number (E.164)."""

    async def active_people(
        self, connection: AsyncConnection, person_ids: Collection[PersonId]
    ) -> set[PersonId]:
        """Return which of these people are in the data bank and active."""

    async def lock_active(self, connection: AsyncConnection, person_id: PersonId) -> bool:
        """Return whether a person is active, and keep it so until the transaction ends."""

    async def card(self, connection: AsyncConnection, person_id: PersonId) -> wire.Person | None:
        """Return one person's card, as they are shown it themselves."""

    async def cards(
        self,
        connection: AsyncConnection,
        person_ids: Collection[PersonId],
        viewer: PersonId | None,
    ) -> dict[PersonId, wire.Person]:
        """Return cards by id, as the viewer is shown them."""

    async def heads_own_unit(self, connection: AsyncConnection, person_id: PersonId) -> bool:
        """Return whether a person heads their own unit."""

    async def plates(
        self, connection: AsyncConnection, person_ids: Collection[PersonId]
    ) -> dict[PersonId, Plate]:
        """Return what the cards of these people must say."""

    async def people_version(self, connection: AsyncConnection) -> int:
        """Return when the data bank last changed, ms."""

    async def changed_since(self, connection: AsyncConnection, version: int) -> list[PersonId]:
        """Return the people whom changes after a version may concern; all where units changed."""

    def people_below(self, paths: Sequence[str]) -> Select[tuple[PersonId]]:
        """Return a statement of everybody at or below these unit paths (as cards write them)."""


class OfficerCourse(Protocol):
    """The officer course."""

    async def untrained(
        self, connection: AsyncConnection, person_ids: Collection[PersonId]
    ) -> set[PersonId]:
        """Return those of these people who owe it."""


class Conduct(Protocol):
    """The code of conduct."""

    async def accepted(
        self, connection: AsyncConnection, person_ids: Collection[PersonId]
    ) -> Mapping[PersonId, Acceptance]:
        """Return the newest acceptance of each of these people who has any."""

    async def required(self, connection: AsyncConnection) -> int:
        """Return the version from which acceptances count."""


class Waking(Protocol):
    """Web Push's part."""

    async def wake(self, connection: Transaction, client_ids: Collection[ClientId]) -> None:
        """Wake devices at once, so that they ask the server whether it takes them."""
