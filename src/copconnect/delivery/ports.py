"""Ports of the Delivery Service: its needs from other roles and its offers; app.py wires them.

Every method that takes a connection runs in the caller's transaction. Devices are 32 bytes, ids of
people, clients and conversations 32 hex digits.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

from sqlalchemy import Select
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import wire
from copconnect.database.engine import Transaction
from copconnect.ids import AttachmentId, ConversationId, PersonId, PostId, Seq, UnitId
from copconnect.principals import (
    AcceptedMessage,
    Bar,
    DeviceKeyRow,
    ListedDevice,
    PostToAsk,
    StandingGroup,
)
from copconnect.records.trust.incarnation import Incarnation


class ListableDevices(Protocol):
    """Devices that rosters may list, and their keys; the Authentication Service knows them."""

    async def devices_of(
        self, connection: AsyncConnection, person_ids: Collection[PersonId]
    ) -> list[ListedDevice]:
        """Return the devices of these people that are confirmed (E0), unrevoked, have a valid
        certificate and whose person is active. One statement."""

    async def device_keys(
        self, connection: AsyncConnection, devices: Collection[bytes]
    ) -> Mapping[bytes, Sequence[DeviceKeyRow]]:
        """Return by device the DeviceKeys that seals and shares may name: the newest generation of
        each KEM first, then the former one for an hour (D2, D3, K1)."""

    async def devices_of_keys(
        self, connection: AsyncConnection, key_ids: Collection[bytes]
    ) -> Mapping[bytes, bytes]:
        """Return the device of each of these key ids that a seal may name now: of the same keys as
        ``device_keys``, without reading their records. One statement for each 500."""

    async def incarnation(self, connection: AsyncConnection) -> Incarnation | None:
        """Return the newest Incarnation; None: no backup was ever restored."""

    async def people_trust(
        self, connection: AsyncConnection, person_ids: Collection[PersonId]
    ) -> list[wire.PersonTrust]:
        """Return all that is signed about these people, without device keys, and, transitively,
        about the people whose devices endorsed theirs: for wire.Supplement."""

    async def ever_registered(
        self, connection: AsyncConnection, person_ids: Collection[PersonId]
    ) -> set[PersonId]:
        """Return which of these people have or had a device: the others have not registered yet."""


class ActivePeople(Protocol):
    """People in the data bank; the directory knows them."""

    async def active_people(
        self, connection: AsyncConnection, person_ids: Collection[PersonId]
    ) -> set[PersonId]:
        """Return those of ``person_ids`` that are in the data bank and neither suspended nor
        removed, registered or not."""


class WritablePosts(Protocol):
    """Posts that people may write to; the directory knows them."""

    async def posts_to_ask(
        self, connection: AsyncConnection, post_ids: Collection[PostId]
    ) -> Mapping[PostId, PostToAsk]:
        """Return those of these posts that are there, to which a person may write."""

    async def head_above(
        self, connection: AsyncConnection, unit_id: UnitId, but: PostId
    ) -> tuple[PostId, PersonId] | None:
        """Return the nearest post, other than ``but``, that heads a unit or one above it and has a
        holder, and the holder; None where there is none."""


class Belonging(Protocol):
    """Many audiences, as the units were when they were made ready."""

    async def of(
        self, connection: AsyncConnection, people: Collection[PersonId]
    ) -> dict[ConversationId, dict[PersonId, bool]]:
        """Return to which audiences these people belong, with whether as an admin of its
        conversation. An audience of none of them is left out. One statement."""


class Organisation(Protocol):
    """Members of audiences by the data bank, and who people are; the directory knows them."""

    def found_by(self, text: str) -> Select[tuple[str, str]]:
        """Return a statement of who is found by a text, everybody by none: person ids, and unique
        sort keys in the order in which people are listed."""

    async def people_version(self, connection: AsyncConnection) -> int:
        """Return a number that grows with every change of people or units."""

    async def changed_since(self, connection: AsyncConnection, version: int) -> list[PersonId]:
        """Return the people whom changes after a version may concern; all of them where units
        changed."""

    async def audience(
        self, connection: AsyncConnection, rule: wire.Audience
    ) -> dict[PersonId, bool]:
        """Return the active people of an audience, registered or not, with whether each is an
        admin of its conversation."""

    async def posts_of(
        self, connection: AsyncConnection, person_ids: Collection[PersonId]
    ) -> set[PostId]:
        """Return the posts that these people hold. One statement."""

    async def belonging(
        self, connection: AsyncConnection, rules: Mapping[ConversationId, wire.Audience]
    ) -> Belonging:
        """Return many audiences, ready to be asked about people."""

    async def standing_groups(self, connection: AsyncConnection) -> list[StandingGroup]:
        """Return the groups that the policy makes of the units that there are."""

    async def units_above(self, connection: AsyncConnection, person_id: PersonId) -> list[UnitId]:
        """Return the unit of a person's post and those above it, from the top."""

    async def manages_audience(
        self, connection: AsyncConnection, person_id: PersonId, rule: wire.Audience
    ) -> bool:
        """Return whether a person may make a conversation of an audience, by the rights table;
        nobody may of a unit that is not there."""

    async def manages_people(
        self, connection: AsyncConnection, person_id: PersonId, people: Collection[PersonId]
    ) -> bool:
        """Return whether a person manages groups over the units of all these people."""

    async def require_valid(self, connection: AsyncConnection, rule: wire.Audience) -> None:
        """Raise AudienceInvalid for a rule that asks for nothing, or for a unit that is not
        there."""


class Attachments(Protocol):
    """Whether attachments can be sent; the attachments role knows."""

    async def ready(
        self,
        connection: AsyncConnection,
        attachment_ids: Collection[AttachmentId],
        conversation_id: ConversationId,
        seq: Seq,
    ) -> None:
        """Mark them as sent by this message. Raises AttachmentIncomplete unless each is complete
        and shared to this conversation."""

    async def drop(
        self,
        connection: AsyncConnection,
        conversation_id: ConversationId,
        seq: Seq,
        *,
        held: bool,
    ) -> None:
        """Delete those of a message, except what other messages name; where the conversation is
        ``held``, hide them alone, until it is held no more."""


class OrderLedger(Protocol):
    """The role of orders keeps what messages say of them."""

    async def accepted(
        self,
        connection: Transaction,
        message: AcceptedMessage,
        said: wire.OrderTerms | wire.OrderChange,
    ) -> None:
        """Store it beside the message, in its transaction. Raises OrderInvalid, and NotFound for a
        change of an order that its person did not issue in its conversation."""

    async def issuable(
        self, connection: AsyncConnection, conversation_id: ConversationId, person_id: PersonId
    ) -> Collection[wire.OrderPriority]:
        """Return the priorities of which a person may issue orders in a conversation now; none for
        somebody who does not belong to it."""

    async def require(
        self,
        connection: AsyncConnection,
        conversation_id: ConversationId,
        person_id: PersonId,
        priority: wire.OrderPriority,
    ) -> None:
        """Raise MayNotIssue, with its details, unless this one is among them."""

    async def post_over(
        self, connection: AsyncConnection, person_id: PersonId, unit_id: UnitId
    ) -> PostId:
        """Return the post by which a person issues orders to a unit: the nearest of the person's
        that heads a unit above it. Raises NotFound for a unit that is not there, MayNotIssue."""


class CallPushes(Protocol):
    """The part of pushes."""

    async def call(
        self,
        connection: Transaction,
        conversation_id: ConversationId,
        seq: int,
        people: Select[Any],
    ) -> int:
        """Wake the devices of the people of a statement (``person_id``) that have not received a
        message soon, whether they muted its conversation or not; return how many. One statement."""


class Sanctions(Protocol):
    """Sanctions in force; the role of reports knows them."""

    async def large_from(self, connection: AsyncConnection) -> int:
        """Return from how many members on a group is large."""

    async def bars(
        self, connection: AsyncConnection, person_ids: Collection[PersonId]
    ) -> Mapping[PersonId, Sequence[Bar]]:
        """Return the sanctions that take the right to send, of those of these people who have
        any."""

    async def reported_since(
        self, connection: AsyncConnection, conversation_id: ConversationId, from_ms: int
    ) -> bool:
        """Return whether a message of this conversation was reported at or after a time."""

    async def end_over(self, person_id: PersonId) -> bool:
        """Give a person whose sanction has ended the right to send back; return whether there was
        one."""
