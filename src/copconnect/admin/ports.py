"""Interfaces that administration needs of other roles; ``app.py`` passes them in."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from sqlalchemy import Select
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import wire
from copconnect.database.engine import Transaction
from copconnect.ids import ConversationId, PersonId, PostId, UnitId, UploadId
from copconnect.principals import Principal, RightsBasis, Signer


class Organisation(Protocol):
    """The Directory's read side."""

    async def rights_bases(
        self, connection: AsyncConnection, person_ids: Collection[PersonId]
    ) -> dict[PersonId, RightsBasis]:
        """Return what rights may rest on, of those of these people who are in the data bank."""
        ...

    async def seniorities(self, connection: AsyncConnection) -> dict[str, int]:
        """Return the position of each rank; higher is more senior."""
        ...

    async def count_people(
        self, connection: AsyncConnection, paths: Collection[str] | None = None
    ) -> int:
        """Return how many people who are not removed are at or below these unit paths; None: in
        all."""
        ...

    async def cards(
        self, connection: AsyncConnection, person_ids: Collection[PersonId]
    ) -> dict[PersonId, wire.Person]:
        """Return cards by id."""
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

    def people_below(self, paths: Sequence[str]) -> Select[tuple[PersonId]]:
        """Return a statement of everybody at or below these unit paths."""
        ...


class Editor(Protocol):
    """The Directory's write side."""

    async def hold(self, connection: AsyncConnection) -> None:
        """Let nobody else change the data bank before the transaction ends."""
        ...

    async def set_status(
        self,
        connection: Transaction,
        by: Principal,
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
        by: Principal,
        person_id: PersonId,
        place: PostId | wire.NewPlace,
        rank: str | None,
    ) -> None:
        """Give a person another post. Raises NotFound, PlaceInvalid."""
        ...

    async def give_charge(
        self,
        connection: Transaction,
        by: Principal,
        person_id: PersonId,
        place: PostId | wire.NewPlace,
        charge: wire.Charge,
    ) -> int:
        """Let a person hold a post beside their own. Raises NotFound, PlaceInvalid."""
        ...

    async def end_charge(
        self, connection: Transaction, by: Principal, person_id: PersonId, posting_id: int
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


class Planning(Protocol):
    """The Directory's answers before people are moved or a group is made."""

    async def find(
        self, connection: AsyncConnection, given: Collection[str]
    ) -> dict[str, PersonId]:
        """Return the people whom employee numbers or phone numbers mean, by what was given."""
        ...

    async def history(
        self, connection: AsyncConnection, person_id: PersonId, at_ms: int | None
    ) -> list[wire.Posting]:
        """Return the post, charges and former posts of a person. Raises NotFound."""
        ...

    async def moved(
        self,
        connection: AsyncConnection,
        audiences: Mapping[ConversationId, wire.Audience],
        person_ids: Sequence[PersonId],
        place: PostId | wire.NewPlace,
        rank: str | None,
    ) -> dict[PersonId, tuple[set[ConversationId], set[ConversationId]]]:
        """Return to which audiences people belong, and to which they would. Raises
        PlaceInvalid."""
        ...

    async def count(self, connection: AsyncConnection, rule: wire.Audience) -> int:
        """Return how many active people an audience takes."""
        ...

    async def sample(
        self, connection: AsyncConnection, rule: wire.Audience, limit: int
    ) -> list[PersonId]:
        """Return some of them, seniors first."""
        ...

    async def paths_of(self, connection: AsyncConnection, rule: wire.Audience) -> frozenset[str]:
        """Return the units over which a rule takes people, as unit paths."""
        ...


class DepartmentGroup(Protocol):
    """A conversation of the department."""

    @property
    def conversation_id(self) -> ConversationId: ...
    @property
    def standing(self) -> wire.Standing: ...
    @property
    def rule(self) -> wire.Audience: ...
    @property
    def kind(self) -> wire.ConversationKind: ...
    @property
    def who_may_post(self) -> wire.WhoMayPost: ...
    @property
    def members(self) -> int: ...
    @property
    def by_policy(self) -> bool: ...


class Groups(Protocol):
    """The Delivery Service's conversations of the department."""

    async def groups(self, connection: AsyncConnection) -> Sequence[DepartmentGroup]:
        """Return all of them that have not ended."""
        ...

    async def rules(
        self, connection: AsyncConnection
    ) -> dict[ConversationId, tuple[wire.Audience, wire.Names]]:
        """Return the rule and the name of each."""
        ...

    async def rule_of(
        self, connection: AsyncConnection, conversation_id: ConversationId
    ) -> wire.Audience:
        """Return the rule of a conversation that an admin made. Raises NotFound."""
        ...

    async def create(self, connection: Transaction, by: Principal, act: wire.CreateGroup) -> None:
        """Make a conversation. Raises AudienceInvalid, BadRequest."""
        ...

    async def change(self, connection: Transaction, by: Principal, act: wire.ChangeGroup) -> None:
        """Give a conversation another name, rule or policy of posting. Raises NotFound,
        AudienceInvalid."""
        ...

    async def end(
        self, connection: Transaction, by: Principal, conversation_id: ConversationId
    ) -> None:
        """Let everybody leave. Raises NotFound."""
        ...

    async def settle(self, conversation_id: ConversationId) -> None:
        """Bring the people up to date, after the act's commit."""
        ...


class Reach(Protocol):
    """The reach of an import. ``second``: so many leave that a second admin must agree."""

    @property
    def paths(self) -> frozenset[str]: ...
    @property
    def people(self) -> int: ...
    @property
    def second(self) -> bool: ...


class Imports(Protocol):
    """Files that are imported, and imports that are undone."""

    async def begin(self, by: PersonId, body: wire.BeginUpload) -> UploadId:
        """Expect a file; return its id."""
        ...

    async def put_chunk(self, by: PersonId, upload_id: UploadId, index: int, data: bytes) -> None:
        """Store a chunk. Raises NotFound, ChunkInvalid."""
        ...

    async def examine(self, by: PersonId, upload_id: UploadId, choices: wire.ImportChoices) -> None:
        """Begin to read and judge a file that has come. Raises NotFound, ImportRefused."""
        ...

    async def one(self, connection: AsyncConnection, upload_id: UploadId) -> wire.Upload | None:
        """Return an upload without who sent it."""
        ...

    async def owner(self, connection: AsyncConnection, upload_id: UploadId) -> PersonId | None:
        """Return who sent a file."""
        ...

    async def waiting(self, connection: AsyncConnection) -> list[tuple[PersonId, wire.Upload]]:
        """Return the newest uploads that are not applied, with who sent them."""
        ...

    async def past(self, connection: AsyncConnection) -> list[wire.PastImport]:
        """Return the newest imports."""
        ...

    def columns(self) -> dict[str, list[str]]:
        """Return the columns of each table."""
        ...

    async def page(
        self, connection: AsyncConnection, upload_id: UploadId, shown: str, number: int
    ) -> wire.ImportRows:
        """Return a page of a preview. Raises NotFound."""
        ...

    async def report(self, upload_id: UploadId) -> bytes:
        """Return the workbook of a preview. Raises NotFound, ImportRefused."""
        ...

    async def make_ready(self, act: wire.ApplyImport) -> None:
        """Read the file before the act's transaction. Raises NotFound, ImportRefused."""
        ...

    async def reach(self, connection: AsyncConnection, act: wire.ApplyImport) -> Reach:
        """Return what an import touches. Raises NotFound, ImportRefused."""
        ...

    async def apply(self, connection: Transaction, by: Principal, act: wire.ApplyImport) -> None:
        """Import a file that was made ready. Raises NotFound, ImportRefused."""
        ...

    async def make_undo_ready(self, number: int) -> None:
        """Read what an import replaced, before the act's transaction. Raises ImportRefused."""
        ...

    async def undo_reach(self, connection: AsyncConnection, number: int) -> Reach:
        """Return what undoing an import touches. Raises ImportRefused."""
        ...

    async def undo(self, connection: Transaction, by: Principal, number: int) -> None:
        """Undo an import that was made ready. Raises ImportRefused."""
        ...


class Enrolment(Protocol):
    """Enrolment codes."""

    async def make_codes(
        self, connection: Transaction, by: Principal, people: Sequence[PersonId]
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


class Revocations(Protocol):
    """Revocations that admins sign."""

    async def by_admin(
        self, connection: Transaction, by: Signer, person_id: PersonId, data: bytes
    ) -> None:
        """Store a revocation of a person's device and carry it out. Raises RevocationInvalid."""
        ...


class Devices(Protocol):
    """Devices of people."""

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
        among: Sequence[Select[tuple[PersonId]]] = (),
        without: Sequence[Select[tuple[PersonId]]] = (),
    ) -> wire.People:
        """Return a page of the people within these paths who are in each of the statements
        ``among`` and in none of ``without``. Raises BadRequest."""
        ...

    async def count_by_unit(
        self,
        connection: AsyncConnection,
        paths: Sequence[str],
        among: Sequence[Select[tuple[PersonId]]] = (),
    ) -> dict[str, int]:
        """Return how many people are in each unit within these paths, by the unit's path."""
        ...


DeviceState = Literal["confirmed", "unconfirmed", "silent", "revoked"]


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
    ) -> int:
        """Return how many devices of a state these people have; None: everybody; of no state: all
        that are not revoked."""
        ...

    async def page(
        self,
        connection: AsyncConnection,
        state: DeviceState | None,
        of: Select[tuple[PersonId]] | None,
        after: str | None,
        limit: int,
    ) -> tuple[list[tuple[PersonId, wire.ClientInfo]], str | None, int]:
        """Return a page of devices, the next page's token and how many fit in all. Raises
        BadRequest."""
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
