"""Interfaces that imports, moves and groups need of other roles; ``app.py`` passes them in."""

from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, BinaryIO, Literal, Protocol

from sqlalchemy import Select
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import wire
from copconnect.database.engine import Transaction
from copconnect.ids import ConversationId, PersonId, PostId, UploadId
from copconnect.principals import Caller, Lock, Principal, Signer
from copconnect.rights import Permit, PersonChange


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

    async def count_within(
        self, connection: AsyncConnection, rule: wire.Audience, within: Select[tuple[PersonId]]
    ) -> int:
        """Return how many of these people an audience takes."""
        ...

    async def sample(
        self, connection: AsyncConnection, rule: wire.Audience, limit: int
    ) -> list[PersonId]:
        """Return some of them, seniors first."""
        ...

    async def policy_changes(
        self, connection: AsyncConnection, policy: Sequence[wire.GroupPolicy]
    ) -> tuple[list[wire.PolicyChange], int]:
        """Return what another policy of groups makes, ends and changes, and how many people that
        touches. Raises ActInvalid."""
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


class Lessons(Protocol):
    """The lessons of training."""

    async def publish(
        self, connection: Transaction, by: Principal, act: wire.PublishLesson
    ) -> None:
        """Put a lesson in force, or take the published one away. Raises ActInvalid, NotFound."""
        ...


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

    async def count_with_post(self, connection: AsyncConnection, post_id: PostId) -> int:
        """Return how many conversations people have with a post."""
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


class CaseReach(Protocol):
    """The reach of an act about a case. ``paths``: units over which the right must hold;
    ``second``: another moderator must agree."""

    @property
    def paths(self) -> frozenset[str]: ...
    @property
    def person_id(self) -> PersonId: ...
    @property
    def second(self) -> bool: ...


CaseAct = wire.AssignReport | wire.DecideReport | wire.DecideAppeal | wire.MarkPicture


class Moderation(Protocol):
    """Cases of reported messages."""

    async def reach(self, connection: AsyncConnection, act: CaseAct) -> CaseReach:
        """Return what an act about a case touches. Raises NotFound, ActInvalid."""
        ...

    async def allow(self, connection: AsyncConnection, person_id: PersonId, act: CaseAct) -> None:
        """Raise OwnCase, or DecidedFirst, for somebody whose case it is."""
        ...

    async def assign(self, connection: Transaction, by: Signer, act: wire.AssignReport) -> None:
        """Take a case, or give it back. Raises ReportDecided, NotFound."""
        ...

    async def decide(
        self,
        connection: Transaction,
        by: Signer,
        act: wire.DecideReport,
        second: PersonId | None,
    ) -> None:
        """Decide a case. Raises ReportDecided, ActInvalid."""
        ...

    async def decide_appeal(
        self, connection: Transaction, by: Signer, act: wire.DecideAppeal
    ) -> None:
        """Uphold or lift a sanction. Raises NotFound, ReportDecided, ActInvalid."""
        ...


class Reach(Protocol):
    """The reach of an import. ``leaving``: how many it suspends or removes."""

    @property
    def paths(self) -> frozenset[str]: ...
    @property
    def changes(self) -> Sequence[PersonChange]: ...
    @property
    def leaving(self) -> int: ...


class Imports(Protocol):
    """Files that are imported, and imports that are undone."""

    async def begin(self, by: PersonId, body: wire.BeginUpload) -> UploadId:
        """Expect a file; return its id."""
        ...

    async def put_chunk(self, by: PersonId, upload_id: UploadId, index: int, data: bytes) -> None:
        """Store a chunk. Raises NotFound, ChunkInvalid."""
        ...

    async def examine(self, by: Caller, upload_id: UploadId, choices: wire.ImportChoices) -> None:
        """Begin to read and judge a file that has come, within the caller's part. Raises NotFound,
        ImportRefused."""
        ...

    async def one(
        self, connection: AsyncConnection, upload_id: UploadId
    ) -> tuple[PersonId, wire.Upload]:
        """Return who sent a file, and the upload, which does not name them. Raises NotFound."""
        ...

    async def waiting(self, connection: AsyncConnection) -> list[tuple[PersonId, wire.Upload]]:
        """Return the newest uploads that are not applied, with who sent them."""
        ...

    async def past(
        self, connection: AsyncConnection, shows: Callable[[Collection[str]], bool]
    ) -> list[wire.PastImport]:
        """Return the newest imports that are shown by the unit paths that they touched."""
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

    async def reach(
        self,
        connection: AsyncConnection,
        act: wire.ApplyImport,
        granted: Mapping[PersonId, Collection[str]],
    ) -> Reach:
        """Return what an import that was made ready touches. ``granted``: unit paths of the grants
        in force, by who holds them. Raises NotFound, ImportRefused."""
        ...

    async def apply(self, connection: Transaction, permit: Permit, act: wire.ApplyImport) -> None:
        """Import a file that was made ready. Raises NotFound, ImportRefused."""
        ...

    async def tried(self, by: Caller, act: wire.ApplyImport, taken: int, asked: int) -> None:
        """Count a refused import that reveals holders of codes or numbers elsewhere, and write it
        into the audit log. Raises RateLimited or ImportRefused instead of telling them."""
        ...

    async def make_undo_ready(self, number: int) -> None:
        """Read what an import replaced, before the act's transaction. Raises ImportRefused."""
        ...

    async def undo_reach(
        self,
        connection: AsyncConnection,
        number: int,
        granted: Mapping[PersonId, Collection[str]],
    ) -> Reach:
        """Return what undoing an import touches. Raises ImportRefused."""
        ...

    async def undo(self, connection: Transaction, permit: Permit, number: int) -> None:
        """Undo an import that was made ready. Raises ImportRefused."""
        ...


class TableFile(Protocol):
    """Rows on their way to a file of which no cell is run as a formula."""

    def add(self, rows: Iterable[Mapping[str, str]]) -> None:
        """Write rows."""
        ...

    def close(self) -> None:
        """Write what is still missing; the file stays open."""
        ...


class Exports(Protocol):
    """The Directory's rows as files."""

    def columns(self, part: Literal["people", "units", "posts"]) -> Sequence[str]:
        """Return the columns of a part's rows."""
        ...

    def rows(
        self,
        connection: AsyncConnection,
        part: Literal["people", "units", "posts"],
        paths: Sequence[str],
        shows: Callable[[str], bool],
        without: Select[tuple[PersonId]] | None = None,
    ) -> AsyncIterator[Sequence[Mapping[str, str]]]:
        """Yield the rows at or below these unit paths, some at a time; ``shows``: whether numbers
        of people of a unit path are shown; ``without``: people who are left out."""
        ...

    def table(
        self, out: BinaryIO, name: str, columns: Sequence[str], form: Literal["xlsx", "csv"]
    ) -> TableFile:
        """Return what writes rows to a file."""
        ...


class LogAuthority(Protocol):
    """The roster authority, which signs the audit log's head."""

    async def signed_time(self, connection: AsyncConnection, nonce: bytes) -> bytes:
        """Return the Time record of now, with the audit log's head as the connection reads it."""
        ...

    def department(self) -> bytes:
        """Return the newest department record, which names the roster authority."""
        ...


class Acceptances(Protocol):
    """Acceptances of the code of conduct."""

    def accepted_people(self) -> Select[tuple[PersonId]]:
        """Return a statement of the people whose acceptance counts."""
        ...


class TreeReach(Protocol):
    """The reach of a reorganisation: unit paths over which the right must hold, how many people it
    touches, and those whose posts go elsewhere."""

    @property
    def paths(self) -> frozenset[str]: ...
    @property
    def people(self) -> int: ...
    @property
    def some(self) -> Sequence[PersonId]: ...


class Examined(Protocol):
    """A reorganisation before it is done. ``paths``: what becomes of each unit path; None for that
    of a unit that ends."""

    @property
    def preview(self) -> wire.ReorganisationPreview: ...
    @property
    def reach(self) -> TreeReach: ...
    @property
    def paths(self) -> Mapping[str, str | None]: ...


class Reorganiser(Protocol):
    """Reorganisations of the tree of units."""

    async def reorganise(
        self, connection: Transaction, permit: Permit, steps: Sequence[wire.Step]
    ) -> int:
        """Do all steps; return its number. Raises ReorganisationInvalid."""
        ...

    async def undo(self, connection: Transaction, permit: Permit, number: int) -> int:
        """Restore what a reorganisation changed; return the number of that. Raises NotFound,
        ReorganisationChanged."""
        ...

    async def reach(
        self, connection: AsyncConnection, steps: Sequence[wire.Step], undo: int | None = None
    ) -> TreeReach:
        """Return the reach of steps or of an undo. Raises as doing it would."""
        ...

    async def examine(
        self, connection: AsyncConnection, steps: Sequence[wire.Step], undo: int | None = None
    ) -> Examined:
        """Return all that it would do, or the problems of the steps. Raises NotFound,
        ReorganisationChanged."""
        ...

    async def past(self, connection: AsyncConnection) -> list[tuple[Any, list[wire.UnitChange]]]:
        """Return the newest reorganisations with what each changed of the tree."""
        ...


class Locks(Protocol):
    """Locks on the devices of people who lost a phone."""

    async def lock(self, connection: Transaction, by: Signer, person_id: PersonId) -> None:
        """Lock all devices that a person has. Raises ActInvalid where none can be locked."""
        ...

    async def unlock(
        self, connection: Transaction, by: Signer, person_id: PersonId, *, own_alone: bool
    ) -> None:
        """Let a person's locked devices act again; ``own_alone``: only devices that the
        signer locked. Raises ActInvalid where none is locked."""
        ...

    async def lock_of(self, connection: AsyncConnection, person_id: PersonId) -> Lock | None:
        """Return the newest lock on a person's devices."""
        ...

    async def may_act(self, connection: AsyncConnection, person_id: PersonId) -> bool:
        """Return whether a person has a device that a lock would change."""
        ...
