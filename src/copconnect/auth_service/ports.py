"""What the Authentication Service needs from other roles; ``app.py`` passes it in."""

from collections.abc import Collection, Sequence
from typing import Literal, Protocol

from sqlalchemy import Select
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import wire
from copconnect.bus import AnyWakeup
from copconnect.ids import ClientId, PersonId
from copconnect.principals import RegisteredClient

RemovalReason = Literal["device_removed", "department"]
LossReason = Literal["suspended", "removed"]
EndReason = LossReason | Literal["device_removed", "signed_out"]


class Memberships(Protocol):
    """The Delivery Service's places of clients in conversations.

    Each call belongs to the caller's transaction; the wake-ups are published after it commits.
    """

    async def client_added(
        self, connection: AsyncConnection, client: RegisteredClient
    ) -> list[AnyWakeup]:
        """Give a new client a place in every conversation of its person."""
        ...

    async def certificate_renewed(
        self, connection: AsyncConnection, client: RegisteredClient
    ) -> list[AnyWakeup]:
        """Name the client's new certificate beside the old one."""
        ...

    async def clients_removed(
        self, connection: AsyncConnection, client_ids: Sequence[ClientId], reason: RemovalReason
    ) -> list[AnyWakeup]:
        """Take the clients' places away."""
        ...


class People(Protocol):
    """The roster."""

    async def active_by_number(self, connection: AsyncConnection, number: str) -> PersonId | None:
        """Return the active person with this number (E.164)."""
        ...

    async def active_people(
        self, connection: AsyncConnection, person_ids: Collection[PersonId]
    ) -> set[PersonId]:
        """Return which of these people are in the data bank and active."""
        ...

    async def lock_active(self, connection: AsyncConnection, person_id: PersonId) -> bool:
        """Return whether a person is active, and keep it so until the transaction ends."""
        ...

    async def card(self, connection: AsyncConnection, person_id: PersonId) -> wire.Person | None:
        """Return one person's card."""
        ...

    async def cards(
        self, connection: AsyncConnection, person_ids: Collection[PersonId]
    ) -> dict[PersonId, wire.Person]:
        """Return cards by id."""
        ...

    async def is_unit_admin(self, connection: AsyncConnection, person_id: PersonId) -> bool:
        """Return whether a person administers their unit."""
        ...

    async def administered(
        self, connection: AsyncConnection, admin: PersonId, person_ids: Collection[PersonId]
    ) -> set[PersonId]:
        """Return which of these people are in the admin's unit or in one below it."""
        ...

    async def all_administered(
        self, connection: AsyncConnection, admin: PersonId
    ) -> Select[tuple[PersonId]] | Collection[PersonId]:
        """Return who all they are, or a statement of them."""
        ...

    async def admins_for(self, connection: AsyncConnection, person_id: PersonId) -> list[PersonId]:
        """Return the admins of a person's unit and of the units above it."""
        ...


class Conduct(Protocol):
    """The code of conduct."""

    current: str

    async def accepted(
        self, connection: AsyncConnection, person_ids: Collection[PersonId]
    ) -> dict[PersonId, str]:
        """Return the version that each of these people accepted last, if any."""
        ...
