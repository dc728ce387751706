"""Deferred services: :mod:`copconnect.app` hands them to roles that it builds first."""

from collections.abc import Collection, Mapping

from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import wire
from copconnect.auth_service.service import AuthService
from copconnect.conduct.guard.serving import GuardService
from copconnect.database.engine import Database, Transaction
from copconnect.delivery.service import DeliveryService
from copconnect.directory.service import DirectoryService
from copconnect.ids import ConversationId, PersonId, PostId
from copconnect.reports.registry import SanctionRegistry
from copconnect.reports.service import ReportService
from copconnect.sockets.feed import Current


class Deferred:
    """The Delivery Service and reports, for the roles that are built before them. The
    Authentication Service, attachments and the directory call the Delivery Service, which calls
    each of them."""

    def __init__(self) -> None:
        self.service: DeliveryService | None = None
        self.reports: ReportService | None = None

    def _get(self) -> DeliveryService:
        if self.service is None:
            raise RuntimeError("the Delivery Service is not built yet")
        return self.service

    async def devices_changed(
        self, connection: Transaction, person_ids: Collection[PersonId], *, urgent: bool
    ) -> None:
        """Bring rosters up to date about these people's devices."""
        await self._get().devices_changed(connection, person_ids, urgent=urgent)

    async def belongs_to_any(
        self,
        connection: AsyncConnection,
        person_id: PersonId,
        conversation_ids: Collection[ConversationId],
    ) -> bool:
        """Return whether a person is a member of any of these conversations."""
        return await self._get().belongs_to_any(connection, person_id, conversation_ids)

    async def reads_case_in(
        self,
        connection: AsyncConnection,
        person_id: PersonId,
        conversation_ids: Collection[ConversationId],
        uploaded_ms: int,
    ) -> bool:
        """Return whether a person moderates now what a report from any of these conversations is
        about, and the report is sealed to the person and not older than a file."""
        if self.reports is None:
            return False
        return await self.reports.reads_case_in(
            connection, person_id, conversation_ids, uploaded_ms
        )

    async def followed_by_hand(
        self, connection: AsyncConnection
    ) -> Mapping[str, tuple[wire.Audience, wire.Names | None]]:
        """Return the conversations that follow the data bank, but no policy."""
        return await self._get().audiences.followed_by_hand(connection)

    async def asked(
        self, connection: AsyncConnection, post_ids: Collection[PostId]
    ) -> Mapping[ConversationId, PostId]:
        """Return the conversations with these posts."""
        return await self._get().posts.asked(connection, post_ids)

    async def go_on(self, connection: Transaction, posts: Mapping[ConversationId, PostId]) -> None:
        """Let each of these conversations continue with another post."""
        await self._get().posts.go_on(connection, posts)


class Versions:
    """Versions of the data that a client may have to fetch again, for a socket's first frame."""

    def __init__(
        self,
        auth: AuthService,
        directory: DirectoryService,
        guard: GuardService,
        sanctions: SanctionRegistry,
        database: Database,
    ) -> None:
        self._auth = auth
        self._directory = directory
        self._guard = guard
        self._sanctions = sanctions
        self._database = database

    async def current(self, person_ids: Collection[PersonId]) -> Current:
        """See sockets' feed.Versions."""
        policy, pictures = await self._guard.numbers()
        async with self._database.reading() as connection:
            return Current(
                trust=await self._auth.trust.version(connection),
                directory=await self._directory.version_in(connection),
                guard_policy=policy,
                guard_pictures=pictures,
                sanctioned=await self._sanctions.sanctioned(connection, person_ids)
                if person_ids
                else set(),
            )
