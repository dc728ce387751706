"""Interfaces that administration needs of other roles; ``app.py`` passes them in."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from sqlalchemy import Select
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import wire
from copconnect.database.engine import Transaction
from copconnect.ids import ClientId, PersonId, PostId, UnitId
from copconnect.principals import Bar, Holder, RightsBasis, Signer
from copconnect.rights import Permit


class Organisation(Protocol):
    """The Directory's read side."""

    async def rights_bases(
        self, connection: AsyncConnection, person_ids: Collection[PersonId]
    ) -> dict[PersonId, RightsBasis]:
        """Return what rights over these people rest on, so far as they are in the data bank."""
        ...

    async def holders(
        self, connection: AsyncConnection, person_ids: Collection[PersonId] | None
    ) -> dict[PersonId, Holder]:
        """Return what the rights of these people rest on, of active ones alone; None: of all."""
        ...

    async def seniorities(self, connection: AsyncConnection) -> dict[str, int]:
        """Return the position of each rank; higher is more senior."""
        ...

    async def vocabulary(self, connection: AsyncConnection) -> tuple[set[str], set[str]]:
        """Return the codes of levels and of roles."""
        ...

    async def count_people(
        self, connection: AsyncConnection, paths: Collection[str] | None = None
    ) -> int:
        """Return how many people who are not removed are at or below these unit paths; None: in
        all."""
        ...

    async def cards(
        self,
        connection: AsyncConnection,
        person_ids: Collection[PersonId],
        viewer: PersonId | None,
    ) -> dict[PersonId, wire.Person]:
        """Return cards by id, as the viewer is shown them: with the numbers that the viewer may
        see."""
        ...

    async def has_unit(self, connection: AsyncConnection, path: str) -> bool:
        """Return whether there is a unit with this path."""
        ...

    async def path_of(self, connection: AsyncConnection, unit_id: UnitId) -> str | None:
        """Return a unit's path, as cards write it; None for an unknown unit."""
        ...

    async def require_valid(self, connection: AsyncConnection, rule: wire.Audience) -> None:
        """Raise AudienceInvalid for a rule that asks for nothing, or for a unit that is not
        there."""
        ...

    async def group_policy(self, connection: AsyncConnection) -> list[wire.GroupPolicy]:
        """Return the policy of standing groups."""
        ...

    async def audience(
        self, connection: AsyncConnection, rule: wire.Audience
    ) -> dict[PersonId, bool]:
        """Return the active people of an audience."""
        ...

    def people_below(self, paths: Sequence[str]) -> Select[tuple[PersonId]]:
        """Return a statement of everybody at or below these unit paths."""
        ...


class Sanctions(Protocol):
    """Sanctions in force."""

    async def bars(
        self, connection: AsyncConnection, person_ids: Collection[PersonId]
    ) -> Mapping[PersonId, Sequence[Bar]]:
        """Return those that take the right to post, of those of these people who have any."""
        ...


class Editor(Protocol):
    """The Directory's write side."""

    async def hold(self, connection: AsyncConnection) -> None:
        """Let nobody else change the data bank before the transaction ends."""
        ...

    async def compare_anew(self, connection: AsyncConnection) -> None:
        """Let rosters be compared with the data bank for everybody. The caller holds it."""
        ...

    async def write_group_policy(
        self, connection: Transaction, permit: Permit, policy: Sequence[wire.GroupPolicy]
    ) -> None:
        """Put another policy of standing groups in force. Raises ActInvalid."""
        ...

    async def set_status(
        self,
        connection: Transaction,
        permit: Permit,
        person_id: PersonId,
        status: Literal["suspended", "active"],
        reason: str = "",
    ) -> None:
        """Suspend a person and sign them out, or end a suspension."""
        ...


class Transfers(Protocol):
    """Transfers and charges."""

    async def transfer(
        self,
        connection: Transaction,
        permit: Permit,
        person_id: PersonId,
        place: PostId | wire.NewPlace,
        rank: str | None,
    ) -> None:
        """Give a person another post. Raises NotFound, PlaceInvalid."""
        ...

    async def give_charge(
        self,
        connection: Transaction,
        permit: Permit,
        person_id: PersonId,
        place: PostId | wire.NewPlace,
        charge: wire.Charge,
    ) -> int:
        """Let a person hold a post beside their own. Raises NotFound, PlaceInvalid."""
        ...

    async def abolish(self, connection: Transaction, permit: Permit, post_id: PostId) -> None:
        """Abolish a post that nobody holds. Raises PlaceInvalid."""
        ...

    async def restore_post(self, connection: Transaction, permit: Permit, post_id: PostId) -> None:
        """Let a post be there again that was abolished. Raises PlaceInvalid."""
        ...

    async def unit_of_abolished(self, connection: AsyncConnection, post_id: PostId) -> UnitId:
        """Return the unit of a post that was abolished. Raises PlaceInvalid."""
        ...

    async def end_charge(
        self, connection: Transaction, permit: Permit, person_id: PersonId, posting_id: int
    ) -> None:
        """End a person's charge. Raises NotFound."""
        ...

    async def unit_of_place(
        self, connection: AsyncConnection, place: PostId | wire.NewPlace
    ) -> UnitId:
        """Return the unit of a post. Raises PlaceInvalid."""
        ...

    async def unit_of_charge(self, connection: AsyncConnection, posting_id: int) -> UnitId | None:
        """Return the unit of a charge; None where it is not open."""
        ...


class PlannedTransfers(Protocol):
    """Transfers that take effect on a day to come."""

    async def plan(
        self,
        connection: Transaction,
        permit: Permit,
        person_id: PersonId,
        place: PostId | wire.NewPlace,
        rank: str | None,
        day: str,
    ) -> int:
        """Plan a transfer; return its number. Raises NotFound, PlaceInvalid."""
        ...

    async def cancel(
        self, connection: Transaction, permit: Permit, person_id: PersonId, planned_id: int
    ) -> None:
        """Cancel a planned transfer, or take a failed one off the list. Raises NotFound."""
        ...

    async def one(self, connection: AsyncConnection, planned_id: int) -> Any | None:
        """Return the row of a planned or failed transfer."""
        ...

    async def listed(self, connection: AsyncConnection) -> Sequence[Any]:
        """Return the rows of those that are planned, the next first, or failed of late."""
        ...

    async def shown(self, connection: AsyncConnection, row: Any) -> tuple[wire.Names, str]:
        """Return the title of the post of a row, and its day, YYYY-MM-DD."""
        ...


class Enrolment(Protocol):
    """Enrolment codes."""

    async def make_codes(
        self, connection: Transaction, permit: Permit, people: Sequence[PersonId]
    ) -> list[str]:
        """Give each a new enrolment code; return them as letters show them."""
        ...


class Grants(Protocol):
    """Grants that devices sign."""

    async def give(self, connection: Transaction, by: Signer, data: bytes, taken_ms: int) -> Any:
        """Store a grant or withdrawal by the signing device. Raises GrantInvalid."""
        ...

    async def held_paths(self, connection: AsyncConnection, person_id: PersonId) -> list[str]:
        """Return the unit paths over which a person has a grant in force; "" for a root admin."""
        ...

    async def everybody_granted(
        self, connection: AsyncConnection
    ) -> Mapping[PersonId, Sequence[str]]:
        """Return the same of everybody who has any."""
        ...

    async def made_since(
        self, connection: AsyncConnection, by: PersonId, since_ms: int
    ) -> set[PersonId]:
        """Return to whom somebody gave a grant, or whose device that person confirmed, since a
        time; without root admins, whom the offline root names."""
        ...


class Revocations(Protocol):
    """Revocations that admins sign."""

    async def by_admin(
        self, connection: Transaction, by: Signer, person_id: PersonId, data: bytes
    ) -> None:
        """Store a revocation of a person's device and carry it out. Raises RevocationInvalid."""
        ...


class Authenticators(Protocol):
    """Proofs that a person is there, which the Authentication Service judges."""

    async def asked(self, connection: AsyncConnection) -> Sequence[tuple[PersonId, str, bytes]]:
        """Return the authenticators that wait for another admin: person, label of the device and
        record."""
        ...

    async def enrol(
        self, connection: Transaction, by: Signer, person_id: PersonId, data: bytes
    ) -> None:
        """Enrol one that a person's device asked for, with its entry in the audit log. Raises
        NotFound."""
        ...

    async def check_presence(
        self,
        connection: Transaction,
        person_id: PersonId,
        device: bytes,
        act: bytes,
        presence: bytes,
    ) -> None:
        """Check that the person who signs this act is there. Raises PresenceNeeded,
        PresenceInvalid."""
        ...


class Devices(Protocol):
    """Devices of people."""

    async def certificates_of(
        self, connection: AsyncConnection, devices: Collection[bytes]
    ) -> Mapping[bytes, bytes]:
        """Return a certificate of each of these devices, revoked or not."""
        ...

    async def acting(self, connection: AsyncConnection, device: bytes) -> bytes | None:
        """Return the public key of a device that may act now: confirmed, not revoked, its
        certificate valid; else None."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PeopleQuery:
    """All that is given must fit a person. ``after``: a page's ``next``."""

    text: str = ""
    unit: str | None = None
    deep: bool = True
    rank: str | None = None
    role: str | None = None
    status: str | None = None
    after: str | None = None
    limit: int = 100


class People(Protocol):
    """The Directory's lists for administration."""

    async def page(
        self,
        connection: AsyncConnection,
        paths: Sequence[str],
        query: PeopleQuery,
        viewer: PersonId,
        among: Sequence[Select[tuple[PersonId]]] = (),
        without: Sequence[Select[tuple[PersonId]]] = (),
    ) -> wire.People:
        """Return a page of the people within these paths who are in each of the statements
        ``among`` and in none of ``without``, as the viewer is shown them. Raises BadRequest."""
        ...

    async def count_by_unit(
        self,
        connection: AsyncConnection,
        paths: Sequence[str],
        of: Sequence[Select[tuple[PersonId]]] = (),
    ) -> dict[str, tuple[int, ...]]:
        """Return how many people are in each unit within these paths, and how many of those are in
        each of the statements ``of``, by the unit's path. One statement."""
        ...

    async def count_by_unit_and(
        self, connection: AsyncConnection, paths: Sequence[str], steps: Select[Any]
    ) -> dict[tuple[str, int], int]:
        """Return how many people are in each unit within these paths, by the unit's path and the
        ``step`` that a statement has for each ``person_id``."""
        ...


DeviceState = Literal["confirmed", "unconfirmed", "silent", "locked", "revoked"]
DeviceShown = Literal["confirmed", "unconfirmed", "silent", "unreached", "locked", "revoked"]


class Registered(Protocol):
    """The Authentication Service's lists for administration."""

    def people_with(self, state: DeviceState | None = None) -> Select[tuple[PersonId]]:
        """Return a statement of the people who have a device of a state; None: any that is not
        revoked."""
        ...

    async def count(
        self,
        connection: AsyncConnection,
        state: DeviceState | None,
        of: Select[tuple[PersonId]] | None,
        among: Select[tuple[ClientId]] | None = None,
    ) -> int:
        """Return how many devices of a state these people have; None: everybody; of no state: all
        that are not revoked. ``among``: of the devices of a statement alone."""
        ...

    async def page(
        self,
        connection: AsyncConnection,
        state: DeviceState | None,
        of: Select[tuple[PersonId]] | None,
        after: str | None,
        limit: int,
        among: Select[tuple[ClientId]] | None = None,
    ) -> tuple[list[tuple[PersonId, wire.ClientInfo]], str | None, int]:
        """Return a page of devices, the next page's token and how many fit in all. ``among``: of
        the devices of a statement alone. Raises BadRequest."""
        ...

    async def clients_of(
        self, connection: AsyncConnection, person_ids: Collection[PersonId]
    ) -> dict[PersonId, list[wire.ClientInfo]]:
        """Return the devices of these people that are not revoked, the newest first."""
        ...

    async def grants_within(self, connection: AsyncConnection, paths: Sequence[str]) -> list[Any]:
        """Return the newest grant to each person over each unit at or below these paths."""
        ...

    async def granted_paths(
        self, connection: AsyncConnection, person_ids: Collection[PersonId]
    ) -> dict[PersonId, list[str]]:
        """Return the unit paths over which these people hold a grant in force."""
        ...

    def first_registered(self, since_ms: int, step_ms: int) -> Select[Any]:
        """Return a statement of everybody who ever had a device: ``person_id``, and ``step``: 0
        before a time, otherwise the number of the step since then in which the first device came,
        from 1."""
        ...

    async def versions(
        self, connection: AsyncConnection, of: Select[tuple[PersonId]] | None
    ) -> list[tuple[str, int]]:
        """Return how many devices of these people run each version, the most first; None: of
        everybody."""
        ...


class Traffic(Protocol):
    """The Delivery Service's counts."""

    async def sizes(
        self, connection: AsyncConnection, people: Select[tuple[PersonId]] | None
    ) -> list[tuple[int, int | None, int]]:
        """Return the least and most members of each step, None: no most, and how many groups are
        of it; of those in which these people are, None: of all."""
        ...

    async def activity(
        self, connection: AsyncConnection, people: Select[tuple[PersonId]] | None, since_ms: int
    ) -> list[tuple[int, int]]:
        """Return how many messages these people sent in each half hour since then, by its start;
        None: everybody."""
        ...


class DevicePushes(Protocol):
    """The pushes' part of a device."""

    async def reach_of(
        self, connection: AsyncConnection, client_ids: Collection[ClientId]
    ) -> dict[ClientId, wire.PushReach]:
        """Return how pushes reach these devices; those without a subscription are missing."""
        ...

    def unreached(self) -> Select[tuple[ClientId]]:
        """Return a statement of the devices that no push has reached for a day."""
        ...
