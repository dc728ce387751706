"""The only composition root: builds every part from the settings and wires roles to each other.

:class:`Container` is what tests and command-line tools use; :func:`create_app` puts a web server
around it. Lifecycle: ``start`` migrates, connects the bus, then starts the roles' background
loops; ``close`` stops them in the opposite order. ``open`` alone gives a command-line tool the
roles without background work; its wake-ups reach running servers through the wake-up log.
"""

from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from copconnect import __version__
from copconnect.admin import operations as admin_operations
from copconnect.admin.service import AdminService
from copconnect.attachments import operations as attachment_operations
from copconnect.attachments.blobs import open_blobs
from copconnect.attachments.service import AttachmentService
from copconnect.audit import Audit
from copconnect.auth_service import operations as auth_operations
from copconnect.auth_service.keys.authority import CertificateAuthority
from copconnect.auth_service.registration.gateway import SmsGateway
from copconnect.auth_service.registry import DeviceRegistry
from copconnect.auth_service.service import AuthService, choose_gateway
from copconnect.auth_service.trust import operations as trust_operations
from copconnect.background import Periodic
from copconnect.bus import AnyWakeup, Bus, LocalBus, open_bus
from copconnect.clock import Clock, SystemClock
from copconnect.conduct import operations as conduct_operations
from copconnect.conduct.guard.serving import GuardService
from copconnect.conduct.service import Acceptances, ConductService
from copconnect.database.engine import Database, open_database
from copconnect.delivery import operations as delivery_operations
from copconnect.delivery.dependencies import DeliveryDependencies, Options
from copconnect.delivery.live.asleep import Asleep
from copconnect.delivery.live.readers import Readers
from copconnect.delivery.rules.limits import PersonLimits
from copconnect.delivery.service import DeliveryService
from copconnect.directory import operations as directory_operations
from copconnect.directory.editing import DirectoryEditor
from copconnect.directory.imports.importer import Importer
from copconnect.directory.imports.watching import PERIOD_S, FolderWatch
from copconnect.directory.listing import Listing
from copconnect.directory.postings.planned import PlannedTransfers
from copconnect.directory.postings.posts import PostReader
from copconnect.directory.postings.roll import Roll
from copconnect.directory.postings.transfers import Transfers
from copconnect.directory.reorganising.service import Reorganiser
from copconnect.directory.scim import operations as scim_operations
from copconnect.directory.scim.provisioning import Provisioner
from copconnect.directory.scim.tokens import ScimTokens
from copconnect.directory.service import DirectoryService
from copconnect.directory.uploads.uploads import Uploads
from copconnect.http import csp_reports, web_assets
from copconnect.http.client_concurrency import ClientConcurrency
from copconnect.http.operations import Operation, Operations
from copconnect.http.requests import RequestAuthenticator, security_headers
from copconnect.http.schema import described
from copconnect.leases import Leases
from copconnect.links import operations as link_operations
from copconnect.links.service import LinkService
from copconnect.migrations import migrate
from copconnect.operator import operations as operator_operations
from copconnect.orders import operations as order_operations
from copconnect.orders.dependencies import OrderDependencies
from copconnect.orders.issuing import OrderIssuing
from copconnect.orders.service import OrderService
from copconnect.privacy.service import Privacy
from copconnect.push import operations as push_operations
from copconnect.push.service import PushService
from copconnect.rates import SharedRates
from copconnect.records.primitives.kem import X25519, XWING
from copconnect.reports import operations as report_operations
from copconnect.reports.dependencies import ReportDependencies
from copconnect.reports.registry import SanctionRegistry
from copconnect.reports.service import ReportService
from copconnect.settings import Settings
from copconnect.sockets.endpoint import Limits, Sockets
from copconnect.training import operations as training_operations
from copconnect.training.publishing import Publisher
from copconnect.training.service import Outstanding, TrainingService
from copconnect.versions import Versions
from copconnect.wakeup_log import BusAndLog, WakeupLog


class Container:
    """Every part of one server process, wired. A part that calls a later one gets a function that
    returns it."""

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock | None = None,
        bus: Bus | None = None,
        serving: bool = True,
        gateway: SmsGateway | None = None,
    ) -> None:
        """``serving``: a server process; False for a command-line tool, which has no bus.
        ``gateway``: sends the texts in place of the gateway that the settings name. Raises
        AuthorityMissing, NoGateway."""
        self.settings = settings
        self.clock = clock or SystemClock()
        self.authority = CertificateAuthority(settings.data_dir / "keys")
        self.database: Database = open_database(settings.effective_database_url)
        self.local_bus = LocalBus()  # Receivers of this process, whichever bus there is.
        self.bus: Bus = bus or open_bus(settings.bus_url if serving else "")
        self.wakeup_log = WakeupLog(self.database, self.clock, has_bus=serving)
        self.database.announce_through(BusAndLog(self.bus, self.wakeup_log))
        self.audit = Audit(self.database, self.clock)
        self.leases = Leases(self.database, self.clock, alone=not settings.bus_url)
        self.rates = SharedRates(self.bus, self.clock.now_ms)
        self.registry = DeviceRegistry(self.clock)
        self.acceptances = Acceptances()
        self.lessons = Publisher(self.clock, self.audit)
        self.directory = DirectoryService(
            self.database,
            self.registry,
            self.clock,
            self.audit,
            settings.directory_names_per_person_per_hour,
        )
        self.auth = AuthService(
            self.database,
            self.clock,
            settings,
            self.authority,
            self.registry,
            self.directory,
            self.acceptances,
            Outstanding(settings),
            lambda: self.delivery,
            self.audit,
            gateway or choose_gateway(settings) if serving else None,
            self.leases,
        )
        self.editor = DirectoryEditor(self.database, self.clock, self.auth.accounts, self.audit)
        self.transfers = Transfers(self.database, self.clock, self.audit)
        self.planned = PlannedTransfers(
            self.database, self.clock, self.audit, self.transfers, self.leases, self.auth.granting
        )
        self.posts = PostReader(self.database, self.directory)
        self.reorganiser = Reorganiser(
            self.clock,
            self.audit,
            lambda: self.delivery.audiences,
            lambda: self.delivery.posts,
        )
        self.importer = Importer(self.database, self.clock, self.editor, self.audit)
        self.push = PushService(
            self.database,
            self.clock,
            settings,
            self.authority.push,
            self.authority.secret,
            Asleep(),
            self.auth.administered,
            self.leases,
        )
        self.auth.locking.attach(self.push)
        self.uploads = Uploads(self.database, self.clock, self.importer, self.audit)
        self.conduct = ConductService(self.database, self.clock, self.auth.accounts, self.audit)
        self.guard = GuardService(
            self.database,
            self.clock,
            self.audit,
            self.authority.roster,
            settings.guard_weights,
            settings.guard_policy,
        )
        per_minute = settings.requests_per_person_per_minute
        self.authenticator = RequestAuthenticator(self.auth.authenticator, self.rates, per_minute)
        self.attachments = AttachmentService(
            database=self.database,
            clock=self.clock,
            blobs=open_blobs(settings.blob_url, settings.data_dir),
            conversations=lambda: self.delivery,
            cases=lambda: self.reports,
            orders=lambda: self.orders.reading,
            leases=self.leases,
            quota_bytes_per_day=settings.attachment_quota_bytes_per_day,
            retention_days=settings.log_retention_days,
        )
        self.links = LinkService(settings, self.rates)
        self.sanctions = SanctionRegistry(self.clock, self.guard)
        self.issuing = OrderIssuing(Readers(), Roll(self.directory))
        delivery = DeliveryDependencies(
            database=self.database,
            bus=self.bus,
            clock=self.clock,
            rates=self.rates,
            devices=self.registry,
            people=self.directory,
            organisation=self.directory,
            posts=self.posts,
            signer=self.authority.roster,
            attachments=self.attachments,
            orders=self.issuing,
            pushes=self.push,
            audit=self.audit,
            sanctions=self.sanctions,
            options=_options(settings, self.authority.departments[-1].kem, self.guard),
        )
        self.delivery = DeliveryService(delivery, self.leases)
        reports = ReportDependencies(
            database=self.database,
            clock=self.clock,
            audit=self.audit,
            messages=self.delivery,
            people=self.directory,
            devices=self.registry,
            log_days=settings.log_retention_days,
        )
        self.reports = ReportService(reports, self.leases)
        self.sanctions.attach(self.reports.sanctioning)
        self.admin = AdminService(
            database=self.database,
            clock=self.clock,
            audit=self.audit,
            directory=self.directory,
            editor=self.editor,
            transfers=self.transfers,
            planned=self.planned,
            reorganiser=self.reorganiser,
            uploads=self.uploads,
            auth=self.auth,
            devices=self.registry,
            groups=self.delivery.department,
            holds=self.delivery.holds,
            sanctions=self.sanctions,
            moderating=self.reports.moderating,
            lessons=self.lessons,
            conduct=self.conduct,
            guard=self.guard,
        )
        self.directory.attach(self.admin.rights)
        self.uploads.attach(self.admin.rights)
        self.planned.attach(self.admin.rights)
        self.reports.attach(self.admin.rights)
        self.issuing.attach(self.admin.rights)
        self.training = TrainingService(
            database=self.database,
            clock=self.clock,
            settings=settings,
            audit=self.audit,
            catalogue=self.lessons.catalogue,
            people=Roll(self.directory),
            listed=Listing(self.directory),
            audiences=self.admin.trainees,
            large_from=lambda: self.guard.large_from,
            signer=self.authority.roster,
            department=self.authority.department,
            pushes=self.push,
            leases=self.leases,
        )
        orders = OrderDependencies(
            database=self.database,
            clock=self.clock,
            rates=self.rates,
            conversations=Readers(),
            people=Roll(self.directory),
            rights=self.admin.rights,
            devices=self.registry,
            pushes=self.push,
            photos=self.attachments,
            log_days=settings.log_retention_days,
        )
        self.orders = OrderService(orders, self.issuing, self.auth.sms, self.leases, settings)
        self.sockets = Sockets(
            feed=self.delivery.feed,
            tokens=self.auth.authenticator,
            versions=Versions(self.auth, self.directory, self.guard, self.sanctions, self.database),
            watchers=self.orders.watching,
            helpers=self.delivery.asking,
            bus=self.bus,
            clock=self.clock,
            rates=self.rates,
            limits=Limits(
                buffer_bytes=settings.socket_buffer_bytes,
                hello_ms=settings.socket_hello_ms,
                hellos_per_s=settings.hellos_per_s,
                unauthenticated=settings.sockets_before_hello,
                unauthenticated_per_address=settings.sockets_before_hello_per_address,
                trusted_proxies=settings.trusted_proxies,
            ),
        )
        self.delivery.asking.attach(self.sockets.fanout)
        self.push.sender.attach(self.sockets.fanout)
        self.orders.watching.attach(self.sockets.fanout)
        self.bus.subscribe(self._receive)
        self.local_bus.subscribe(self.auth.authenticator.on_wakeup)
        self.local_bus.subscribe(self.guard.on_wakeup)
        self.local_bus.subscribe(self.delivery.on_wakeup)
        self.local_bus.subscribe(self.sockets.receive)
        self.local_bus.subscribe(self.delivery.asking.receive)
        self.local_bus.subscribe(self.push.on_wakeup)
        self.local_bus.subscribe(self.orders.watching.on_wakeup)
        self.privacy = Privacy(self.database, self.clock, self.audit, self.leases, settings)
        self.scim_tokens = ScimTokens(self.database, self.clock, self.audit)
        self.provisioner = Provisioner(self.database, self.clock, self.editor, self.auth.granting)
        self._watch = self._folder_watch(settings)
        self._stack = AsyncExitStack()

    def _folder_watch(self, settings: Settings) -> Periodic | None:
        """Return the work that imports files of a folder, if the settings name one. One node looks
        at a time, and a node that finds a file moves it before it reads it."""
        if not settings.import_folder:
            return None
        watch = FolderWatch(
            self.importer,
            self.clock,
            Path(settings.import_folder),
            settings.import_remove_missing == "yes",
        )
        return self.leases.periodic("import_folder", watch.look, PERIOD_S, 6 * PERIOD_S)

    async def _receive(self, wakeup: AnyWakeup) -> None:
        await self.local_bus.publish([wakeup])

    async def start(self) -> None:
        """Migrate and begin to serve."""
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self.database.close)
            await migrate(self.database)
            await self.conduct.start()
            sanctioning = self.reports.sanctioning
            for part in (
                *(self.bus, self.rates.telling, self.auth, self.attachments.cleaning),
                *(self.delivery, self.orders, self.planned.rounds, self.privacy.rounds),
                *(sanctioning.rounds, sanctioning.pruning, self.training, self.sockets, self.push),
            ):
                await part.start()
                stack.push_async_callback(part.close)
            stack.push_async_callback(self.uploads.close)
            stack.push_async_callback(self.links.close)
            await self.wakeup_log.start(self._receive)
            stack.push_async_callback(self.wakeup_log.close)
            if self._watch is not None:
                await self._watch.start()
                stack.push_async_callback(self._watch.close)
            self._stack = stack.pop_all()

    async def close(self) -> None:
        """Stop serving."""
        await self._stack.aclose()


def _options(settings: Settings, lowest_kem: int, guard: GuardService) -> Options:
    """Return what the settings choose for the Delivery Service; never a lower KEM than the
    department record's."""
    return Options(
        kem=max(lowest_kem, XWING if settings.kem == "x-wing" else X25519),
        cell_size=settings.cell_size,
        roster_batch_ms=settings.roster_batch_ms,
        log_days=settings.log_retention_days,
        exports=settings.conversation_exports,
        large_from=lambda: guard.large_from,
        limits=PersonLimits(
            messages_per_minute=settings.messages_per_person_per_minute,
            messages_burst=2 * settings.messages_per_person_per_minute,
            bytes_per_minute=settings.message_bytes_per_person_per_minute,
            share_requests_per_minute=settings.share_requests_per_person_per_minute,
            member_changes_per_hour=settings.member_changes_per_person_per_hour,
            conversations_per_hour=settings.conversations_per_person_per_hour,
            group_people=settings.group_people,
        ),
    )


@asynccontextmanager
async def command_line(settings: Settings) -> AsyncIterator[Container]:
    """Open the roles for a command-line tool, migrated, without background work."""
    container = Container(settings, serving=False)
    try:
        await migrate(container.database)
        yield container
    finally:
        await container.database.close()


def create_app(
    settings: Settings, parts: Container, more: Iterable[Operation] = ()
) -> ClientConcurrency:
    """Return the web server; ``more``: rows of a program around this one."""
    secured = security_headers(operator_operations.origin(settings.map_tiles_url))
    rows = [
        *described(operations(parts, settings), __version__),
        *scim_operations.operations(parts.scim_tokens, parts.provisioner),
        *more,
        *web_assets.operations(root=parts.authority.root),
    ]
    return ClientConcurrency(
        Operations(rows, parts.authenticator, secured, settings.trusted_proxies)
    )


def operations(parts: Container, settings: Settings) -> list[Operation]:
    """Return the rows of all roles and of the operator (health, metrics, configuration)."""
    department, secret = parts.authority.department, parts.authority.secret
    return [
        *operator_operations.operations(settings, department, secret, parts.clock),
        *csp_reports.operations(parts.clock.now_ms),
        *auth_operations.operations(parts.auth),
        *trust_operations.operations(parts.auth),
        *conduct_operations.operations(parts.conduct, parts.guard),
        *directory_operations.operations(parts.directory, parts.posts),
        *admin_operations.operations(parts.admin),
        *delivery_operations.operations(parts.delivery),
        *attachment_operations.operations(parts.attachments),
        *push_operations.operations(parts.push),
        *link_operations.operations(parts.links),
        *order_operations.operations(parts.orders),
        *report_operations.operations(parts.reports),
        *training_operations.operations(parts.training),
    ]
