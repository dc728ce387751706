"""Interfaces that reports need of other roles; ``app.py`` passes them in."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from sqlalchemy import CompoundSelect
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import wire
from copconnect.database.engine import Transaction
from copconnect.ids import ConversationId, MessageId, PersonId
from copconnect.principals import ListedDevice, LoggedMessage, RightsBasis
from copconnect.rights import HeldRights


class Messages(Protocol):
    """The Delivery Service's part."""

    async def logged(
        self,
        connection: AsyncConnection,
        conversation_id: ConversationId,
        message_id: MessageId,
        reader: PersonId,
    ) -> LoggedMessage | None:
        """Return a message of the log, with whether a person could read it."""

    async def sending_changed(self, connection: Transaction, person_id: PersonId) -> None:
        """Bring the right to send in all rosters that list a person up to date, at once."""

    def held(self, now_ms: int) -> CompoundSelect[tuple[ConversationId]]:
        """Return a statement of the conversations of which a legal hold keeps everything."""


class ReportDirectory(Protocol):
    """The Directory's part."""

    async def lock_active(self, connection: AsyncConnection, person_id: PersonId) -> bool:
        """Return whether a person is active, and keep it so until the transaction ends."""

    async def rights_bases(
        self, connection: AsyncConnection, person_ids: Collection[PersonId]
    ) -> Mapping[PersonId, RightsBasis]:
        """Return status and unit path of these people, so far as they are in the data bank."""

    async def cards(
        self,
        connection: AsyncConnection,
        person_ids: Collection[PersonId],
        viewer: PersonId | None,
    ) -> dict[PersonId, wire.Person]:
        """Return cards by id, as the viewer is shown them."""


class ModeratorRights(Protocol):
    """Administration's part."""

    async def of(self, connection: AsyncConnection, person_id: PersonId) -> HeldRights:
        """Return the rights of a person."""

    async def granted(self, connection: AsyncConnection, person_id: PersonId) -> Sequence[str]:
        """Return the unit paths over which a person has a grant in force; "" for a root admin."""

    async def holders_over(
        self, connection: AsyncConnection, right: wire.Right, path: str
    ) -> Mapping[PersonId, Sequence[str]]:
        """Return who has a right over a unit, and the paths at or above it over which each holds
        it with all units below."""


class ReaderDevices(Protocol):
    """The Authentication Service's part."""

    async def devices_of(
        self, connection: AsyncConnection, person_ids: Collection[PersonId]
    ) -> list[ListedDevice]:
        """Return the confirmed, unrevoked devices of these people."""

    async def devices_of_keys(
        self, connection: AsyncConnection, key_ids: Collection[bytes]
    ) -> Mapping[bytes, bytes]:
        """Return the device of each of these key ids that a seal may name now."""
