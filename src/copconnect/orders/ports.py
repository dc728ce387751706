"""Interfaces that orders need of other roles; ``app.py`` passes them in.

Methods that return a Select state its columns: orders join them with their own tables, so that a
count is one statement however many people there are.
"""

from collections.abc import Collection, Mapping
from typing import Any, Literal, Protocol

from sqlalchemy import CompoundSelect, Select
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import wire
from copconnect.database.engine import Transaction
from copconnect.ids import AttachmentId, ConversationId, MessageId, PersonId, PostId, UnitId
from copconnect.rights import HeldRights

HeldConversations = CompoundSelect[tuple[ConversationId]]  # Conversations, as a statement.
Handed = Literal["taken", "refused", "unsure", "failed"]


class OrderConversations(Protocol):
    """The Delivery Service's part."""

    def readers(self, conversation_id: ConversationId) -> Select[Any]:
        """Return a statement of everybody who belongs now: ``person_id``, ``admin``, ``added_ms``,
        ``history_from_ms``."""

    def reached(self, conversation_id: ConversationId, seq: int) -> Select[Any]:
        """Return a statement of how far people have come, over all their devices except devices
        that ask for the key of the message at ``seq``: ``person_id``, ``delivered_seq``,
        ``read_seq``."""

    def places(self, person_id: PersonId) -> Select[Any]:
        """Return a statement of where a person belongs now: ``conversation_id``, ``admin``,
        ``added_ms``, ``history_from_ms``."""

    def held(self, now_ms: int) -> HeldConversations:
        """Return a statement of the conversations of which a legal hold keeps everything."""


class OrderDirectory(Protocol):
    """The Directory's part."""

    def placed(self) -> Select[Any]:
        """Return a statement of everybody's own place: ``person_id``, ``unit_id``, ``sort_key``,
        which lists seniors first."""

    def found_by(self, text: str) -> Select[Any]:
        """Return a statement of who is found by a text: ``person_id``, ``sort_key``."""

    def numbers(self) -> Select[Any]:
        """Return a statement of the phone numbers of active people: ``person_id``, ``number``."""

    async def unit_paths(self, connection: AsyncConnection) -> Mapping[UnitId, str]:
        """Return the path of each unit, as cards write it."""

    async def cards(
        self,
        connection: AsyncConnection,
        person_ids: Collection[PersonId],
        viewer: PersonId | None,
    ) -> dict[PersonId, wire.Person]:
        """Return cards by id, as the viewer is shown them."""

    async def heads(
        self, connection: AsyncConnection, unit_ids: Collection[UnitId]
    ) -> Mapping[UnitId, Collection[PersonId]]:
        """Return the active heads of each of these units."""


class Postings(Protocol):
    """The Directory's part where an order is issued."""

    def posted_elsewhere(self, unit_ids: Collection[UnitId]) -> Select[Any]:
        """Return a statement of the active people who hold no post of these units, neither their
        own nor by a charge: ``person_id``."""

    async def unit_paths(self, connection: AsyncConnection) -> Mapping[UnitId, str]:
        """Return the path of each unit, as cards write it."""

    async def headed(
        self, connection: AsyncConnection, person_id: PersonId
    ) -> Mapping[UnitId, PostId]:
        """Return the units that an active person heads, also by a charge, each with the post."""

    async def people_by_unit(self, connection: AsyncConnection) -> Mapping[UnitId, int]:
        """Return how many active people have their own post in each unit. One statement."""


class PersonRights(Protocol):
    """Administration's part."""

    async def of(self, connection: AsyncConnection, person_id: PersonId) -> HeldRights:
        """Return the rights of a person."""


class SigningDevices(Protocol):
    """The Authentication Service's part."""

    async def people_trust(
        self, connection: AsyncConnection, person_ids: Collection[PersonId]
    ) -> list[wire.PersonTrust]:
        """Return all that is signed about these people, without device keys, and, transitively,
        about the people whose devices endorsed theirs."""


class OrderPhotos(Protocol):
    """The part of attachments: photos that orders ask for."""

    async def complete(
        self, connection: AsyncConnection, attachment_ids: Collection[AttachmentId]
    ) -> Mapping[AttachmentId, tuple[PersonId, MessageId]]:
        """Return the complete ones, each with its uploader and the order that it is for. One
        statement."""

    async def keep_photos(
        self,
        connection: AsyncConnection,
        sent: Collection[AttachmentId],
        replaced: Mapping[AttachmentId, ConversationId],
    ) -> None:
        """Keep photos that count now as long as their orders, and delete the photos that they
        replaced, in a held conversation after its holds. No statement without photos."""

    async def forget_orders(
        self, connection: AsyncConnection, order_ids: Collection[MessageId]
    ) -> None:
        """Delete the photos of orders that are forgotten."""


class OrderPushes(Protocol):
    """The part of pushes."""

    async def remind(
        self,
        connection: Transaction,
        conversation_id: ConversationId,
        seq: int,
        people: Select[Any],
    ) -> int:
        """Wake the devices of the people of a statement (``person_id``) about a message, whether
        they have received it or not; return how many. One statement."""


class TextGateway(Protocol):
    """The SMS gateway, which registration uses for its codes."""

    async def hand_over(self, number: str, text: str, more: Mapping[str, object]) -> Handed:
        """Hand over a text once, with more fields for the gateway, and return what became of it:
        ``unsure``: the gateway may have taken it; ``failed``: it has not."""
