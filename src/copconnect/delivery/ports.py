"""What the Delivery Service needs from other roles; app.py passes it in."""

from collections.abc import Collection
from typing import Protocol

from sqlalchemy import Select
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import wire
from copconnect.ids import AttachmentId, ClientId, ConversationId, PersonId
from copconnect.principals import RegisteredClient


class Registrations(Protocol):
    """Who is registered; the Authentication Service and the roster know."""

    async def clients_of(
        self, connection: AsyncConnection, person_ids: Collection[PersonId]
    ) -> list[RegisteredClient]:
        """Return every valid client of these people; one with two certificates appears twice, the
        newer one after the other."""
        ...

    async def certificates(
        self, connection: AsyncConnection, person_ids: Collection[PersonId]
    ) -> dict[str, tuple[ClientId, PersonId]]:
        """Return whose every valid certificate of these people is, by hash, and others' too where
        they are many; a client's newest comes last."""
        ...

    async def active_people(
        self, connection: AsyncConnection, person_ids: Collection[PersonId]
    ) -> set[PersonId]:
        """Return those of ``person_ids`` that are in the data bank and neither suspended nor
        removed, registered or not."""
        ...


class Organisation(Protocol):
    """Who belongs to an audience by the data bank, and who people are; the roster knows."""

    def found_by(self, text: str) -> Select[tuple[str, str]]:
        """Return a statement of who is found by a text, everybody by none: person ids, and unique
        sort keys in the order in which people are listed."""
        ...

    async def people_version(self, connection: AsyncConnection) -> int:
        """Return a number that changes with every change of people or units."""
        ...

    async def audience(
        self,
        connection: AsyncConnection,
        rule: wire.Audience,
        only: Collection[PersonId] | None = None,
    ) -> dict[PersonId, bool]:
        """Return the active people of an audience, with whether each administers it. ``only``: of
        these people."""
        ...

    async def administers(
        self, connection: AsyncConnection, person_id: PersonId, rule: wire.Audience
    ) -> bool:
        """Return whether a person administers all of an audience; nobody does a unit that is not
        there."""
        ...


class RosterAuthority(Protocol):
    """Signs roster heads and external Removes with a key that is not the DS's."""

    @property
    def certificate(self) -> bytes:
        """DER."""
        ...

    @property
    def public_key(self) -> bytes:
        """Raw Ed25519, 32 bytes."""
        ...

    def sign(self, data: bytes) -> bytes:
        """Return the Ed25519 signature (64 bytes)."""
        ...


class Attachments(Protocol):
    """Whether attachments can be posted; the attachments role knows."""

    async def ready(
        self,
        connection: AsyncConnection,
        attachment_ids: Collection[AttachmentId],
        conversation_id: ConversationId,
    ) -> None:
        """Mark them posted. Raises AttachmentIncomplete unless each is complete and shared to
        this conversation."""
        ...
