"""The roles that say who is who, wired without the others, and a stand-in for rosters.

The stand-in records each change that it is asked for, so that tests see in which transaction
rosters change.
"""

from collections.abc import Collection
from contextlib import AsyncExitStack
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import wire
from copconnect.admin import operations as admin_operations
from copconnect.admin.service import AdminService
from copconnect.audit import Audit
from copconnect.auth_service import operations as auth_operations
from copconnect.auth_service.keys.authority import CertificateAuthority
from copconnect.auth_service.registration.gateway import SmsGateway
from copconnect.auth_service.registry import DeviceRegistry
from copconnect.auth_service.service import AuthService
from copconnect.auth_service.trust import operations as trust_operations
from copconnect.bus import AnyWakeup, LocalBus
from copconnect.clock import Clock
from copconnect.conduct import operations as conduct_operations
from copconnect.conduct.guard.serving import GuardService
from copconnect.conduct.service import Acceptances, ConductService
from copconnect.database.engine import Transaction, open_database
from copconnect.directory import operations as directory_operations
from copconnect.directory.editing import DirectoryEditor
from copconnect.directory.imports.importer import Importer
from copconnect.directory.postings.planned import PlannedTransfers
from copconnect.directory.postings.posts import PostReader
from copconnect.directory.postings.transfers import Transfers
from copconnect.directory.reorganising.service import Reorganiser
from copconnect.directory.service import DirectoryService
from copconnect.directory.uploads.uploads import Uploads
from copconnect.http.operations import Operations
from copconnect.http.requests import RequestAuthenticator, security_headers
from copconnect.ids import ClientId, ConversationId, PersonId, PostId
from copconnect.leases import Leases
from copconnect.operator import operations as operator_operations
from copconnect.rates import SharedRates
from copconnect.reports.registry import SanctionRegistry
from copconnect.settings import Settings
from copconnect.training.publishing import Publisher
from copconnect.training.service import Outstanding
from copconnect.wakeup_log import BusAndLog, WakeupLog
from tests.harness.large_from import LargeFrom


class RecordedRosters:
    """Replaces the Delivery Service: keeps (people, urgent) of each change that it got."""

    def __init__(self, registry: DeviceRegistry) -> None:
        self._registry = registry
        self.holds = False
        self.told: list[tuple[set[str], bool]] = []
        self.listed: dict[str, set[bytes]] = {}  # By person, as read in the transaction.
        self.followed: dict[str, tuple[wire.Audience, wire.Names | None]] = {}

    async def devices_changed(
        self, connection: AsyncConnection, person_ids: Collection[PersonId], *, urgent: bool
    ) -> None:
        self.told.append((set(person_ids), urgent))
        devices = await self._registry.devices_of(connection, person_ids)
        for person_id in person_ids:
            self.listed[person_id] = {one.device for one in devices if one.person_id == person_id}

    async def any_held(self, _: AsyncConnection) -> bool:
        return self.holds

    async def followed_by_hand(
        self, _: AsyncConnection
    ) -> dict[str, tuple[wire.Audience, wire.Names | None]]:
        return self.followed

    async def asked(self, *_: object) -> dict[ConversationId, PostId]:
        return {}

    async def go_on(self, *_: object) -> None:
        """No conversation is with a post."""


# Without the Delivery Service there are no groups, and no test of this server asks for one.
class _NoCases:
    """Nothing is reported here."""

    allow: Any = None


NO_GROUPS: Any = None
NO_HOLDS: Any = None
NO_CASES: Any = _NoCases()
HUNDRED = LargeFrom()


class RecordedPushes:
    """A stand-in for Web Push that lists the devices that it is asked to wake."""

    def __init__(self) -> None:
        self.woken: list[ClientId] = []

    async def wake(self, connection: Transaction, client_ids: Collection[ClientId]) -> None:
        """See auth_service.ports.Waking."""
        del connection
        self.woken += client_ids


class IdentityServer:
    """Registration, trust, data bank and code of conduct of one server process."""

    def __init__(self, settings: Settings, clock: Clock, gateway: SmsGateway) -> None:
        self.settings = settings
        self.clock = clock
        self.authority = CertificateAuthority(settings.data_dir / "keys")
        self.database = open_database(settings.effective_database_url)
        self.bus = LocalBus()
        self.wakeups: list[AnyWakeup] = []
        self.wakeup_log = WakeupLog(self.database, clock, has_bus=True)
        self.database.announce_through(BusAndLog(self.bus, self.wakeup_log))
        self.audit = Audit(self.database, clock)
        self.leases = Leases(self.database, clock, alone=True)
        self.registry = DeviceRegistry(clock)
        self.rosters = RecordedRosters(self.registry)
        acceptances = Acceptances()
        self.directory = DirectoryService(
            self.database,
            self.registry,
            clock,
            self.audit,
            settings.directory_names_per_person_per_hour,
        )
        self.auth = AuthService(
            self.database,
            clock,
            settings,
            self.authority,
            self.registry,
            self.directory,
            acceptances,
            Outstanding(settings),
            lambda: self.rosters,
            self.audit,
            gateway,
            self.leases,
        )
        self.pushes = RecordedPushes()
        self.auth.locking.attach(self.pushes)
        self.editor = DirectoryEditor(self.database, clock, self.auth.accounts, self.audit)
        self.transfers = Transfers(self.database, clock, self.audit)
        self.planned = PlannedTransfers(
            self.database, clock, self.audit, self.transfers, self.leases, self.auth.granting
        )
        self.posts = PostReader(self.database, self.directory)
        self.reorganiser = Reorganiser(
            clock, self.audit, lambda: self.rosters, lambda: self.rosters
        )
        self.importer = Importer(self.database, clock, self.editor, self.audit)
        self.uploads = Uploads(self.database, clock, self.importer, self.audit)
        self.guard = GuardService(
            self.database,
            clock,
            self.audit,
            self.authority.roster,
            settings.guard_weights,
            settings.guard_policy,
        )
        self.conduct = ConductService(self.database, clock, self.auth.accounts, self.audit)
        self.admin = AdminService(
            database=self.database,
            clock=clock,
            audit=self.audit,
            directory=self.directory,
            editor=self.editor,
            transfers=self.transfers,
            planned=self.planned,
            reorganiser=self.reorganiser,
            uploads=self.uploads,
            auth=self.auth,
            devices=self.registry,
            groups=NO_GROUPS,
            holds=NO_HOLDS,
            sanctions=SanctionRegistry(clock, HUNDRED),
            moderating=NO_CASES,
            lessons=Publisher(clock, self.audit),
            conduct=self.conduct,
            guard=self.guard,
        )
        self.directory.attach(self.admin.rights)
        self.uploads.attach(self.admin.rights)
        self.planned.attach(self.admin.rights)
        per_minute = settings.requests_per_person_per_minute
        rates = SharedRates(self.bus, clock.now_ms)
        self.authenticator = RequestAuthenticator(self.auth.authenticator, rates, 2 * per_minute)
        self.bus.subscribe(self._receive)
        self._stack = AsyncExitStack()

    async def _receive(self, wakeup: AnyWakeup) -> None:
        self.wakeups.append(wakeup)
        await self.auth.authenticator.on_wakeup(wakeup)
        await self.guard.on_wakeup(wakeup)

    async def start(self) -> None:
        """Begin to serve a database that has its tables."""
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self.database.close)
            await self.conduct.start()
            await self.auth.start()
            stack.push_async_callback(self.auth.close)
            stack.push_async_callback(self.uploads.close)
            await self.wakeup_log.start(self._receive)
            stack.push_async_callback(self.wakeup_log.close)
            self._stack = stack.pop_all()

    async def close(self) -> None:
        """Stop serving."""
        await self._stack.aclose()


def identity_app(settings: Settings, server: IdentityServer) -> Any:
    """Return the operations of these roles as a web server."""
    authority = server.authority
    department, secret = authority.department, authority.secret
    rows = [
        *operator_operations.operations(settings, department, secret, server.clock),
        *auth_operations.operations(server.auth),
        *trust_operations.operations(server.auth),
        *conduct_operations.operations(server.conduct, server.guard),
        *directory_operations.operations(server.directory, server.posts),
        *admin_operations.operations(server.admin),
    ]
    secured = security_headers("")
    return Operations(rows, server.authenticator, secured, settings.trusted_proxies)
