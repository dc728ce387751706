"""Administration as ``app.py`` composes it: its parts.

A layer above the roles: it uses their classes, and none of them imports it.
"""

from copconnect import wire
from copconnect.admin.acts.acting import Acting
from copconnect.admin.acts.import_kinds import ImportKinds
from copconnect.admin.acts.kinds import Kinds
from copconnect.admin.acts.lock_kinds import LockKinds
from copconnect.admin.charting import Charting
from copconnect.admin.conduct.kinds import ConductKinds
from copconnect.admin.conduct.reading import ConductReading
from copconnect.admin.files.exporting import Exporting
from copconnect.admin.files.importing import Importing
from copconnect.admin.holding import HoldKinds, HoldReading
from copconnect.admin.locked import Locked
from copconnect.admin.moderation.kinds import ModerationKinds, PictureKinds
from copconnect.admin.moderation.pictures import PictureReading
from copconnect.admin.organising import Organising
from copconnect.admin.parts import Parts
from copconnect.admin.reading import ConsoleReads
from copconnect.admin.reorganising import Reorganising
from copconnect.admin.rights import RightsTable
from copconnect.admin.signing import Enrolling, Signing
from copconnect.admin.training.kinds import lesson_kinds
from copconnect.admin.training.trainees import Trainees
from copconnect.audit import Audit
from copconnect.auth_service.registry import DeviceRegistry
from copconnect.auth_service.service import AuthService
from copconnect.clock import Clock
from copconnect.conduct.guard.serving import GuardService
from copconnect.conduct.service import ConductService
from copconnect.database.engine import Database
from copconnect.delivery.log.holding import LegalHolds
from copconnect.delivery.rosters.department import DepartmentGroups
from copconnect.directory.editing import DirectoryEditor
from copconnect.directory.listing import Listing
from copconnect.directory.postings.planned import PlannedTransfers
from copconnect.directory.postings.transfers import Transfers
from copconnect.directory.reorganising.service import Reorganiser
from copconnect.directory.service import DirectoryService
from copconnect.directory.uploads.uploads import Uploads
from copconnect.principals import Caller
from copconnect.reports.moderating import Moderating
from copconnect.reports.registry import SanctionRegistry
from copconnect.training.publishing import Publisher


class AdminService:
    """All parts of administration."""

    def __init__(
        self,
        *,
        database: Database,
        clock: Clock,
        audit: Audit,
        directory: DirectoryService,
        editor: DirectoryEditor,
        transfers: Transfers,
        planned: PlannedTransfers,
        reorganiser: Reorganiser,
        uploads: Uploads,
        auth: AuthService,
        devices: DeviceRegistry,
        groups: DepartmentGroups,
        holds: LegalHolds,
        sanctions: SanctionRegistry,
        moderating: Moderating,
        lessons: Publisher,
        conduct: ConductService,
        guard: GuardService,
    ) -> None:
        people, registered, locks = Listing(directory), auth.administered, auth.locking
        self.rights = RightsTable(
            database, clock, audit, directory, editor, auth.granting, sanctions
        )
        self.kinds = Kinds(
            directory,
            editor,
            transfers,
            planned,
            reorganiser,
            auth,
            groups,
            self.rights,
            {
                **ImportKinds(uploads, auth.granting).table,
                **LockKinds(clock, directory, auth.granting, self.rights, locks).table,
                **ConductKinds(directory, conduct, guard).table,
                **ModerationKinds(moderating).table,
                **PictureKinds(directory, moderating, guard.pictures).table,
                **lesson_kinds(lessons),
                **HoldKinds(directory, holds).table,
            },
        )
        self.trainees = Trainees(self.rights, directory)
        signing = Signing(clock, editor, devices, auth.authenticators)
        self.acting = Acting(database, clock, audit, self.rights, self.kinds, directory, signing)
        self.locked = Locked(database, self.acting, locks)
        self.enrolling = Enrolling(database, self.rights, directory, auth.authenticators)
        self.reorganising = Reorganising(
            database, clock, self.rights, directory, reorganiser, people, registered
        )
        parts = Parts(self.rights, directory)
        self.reading = ConsoleReads(
            database, clock, audit, self.rights, parts, directory, people, registered
        )
        self.charting = Charting(database, clock, parts, directory, people, registered)
        self.importing = Importing(database, self.rights, directory, uploads)
        self.organising = Organising(database, self.rights, directory, groups, planned)
        self.exporting = Exporting(
            database, audit, self.rights, signing, conduct, devices, auth.own_keys
        )
        self.conduct = ConductReading(
            database, self.rights, directory, people, registered, conduct, guard
        )
        self.holds = HoldReading(database, clock, self.rights, directory, groups, holds)
        self.pictures = PictureReading(database, self.rights, directory, guard)

    async def overview(self, caller: Caller) -> wire.AdminOverview:
        """Return what needs doing in the caller's part. Raises NotAllowed."""
        waiting = await self.acting.waiting(caller)
        return await self.reading.overview(caller, len(waiting.acts))
