"""Administration as ``app.py`` composes it: its parts.

It states what it needs of other roles as Protocols (:mod:`copconnect.admin.ports`).
"""

from copconnect import wire
from copconnect.admin.acts.acting import Acting
from copconnect.admin.acts.import_kinds import ImportKinds
from copconnect.admin.acts.kinds import Kinds
from copconnect.admin.acts.lock_kinds import LockKinds
from copconnect.admin.charting import Charting
from copconnect.admin.conduct.kinds import ConductKinds
from copconnect.admin.conduct.ports import Conduct, Guard
from copconnect.admin.conduct.reading import ConductReading
from copconnect.admin.files.exporting import Exporting
from copconnect.admin.files.importing import Importing
from copconnect.admin.locked import Locked
from copconnect.admin.moderation.kinds import ModerationKinds
from copconnect.admin.moderation.picture_kinds import PictureKinds
from copconnect.admin.moderation.pictures import PictureReading
from copconnect.admin.moderation.ports import Pictures
from copconnect.admin.organising import Organising
from copconnect.admin.parts import Parts
from copconnect.admin.ports import (
    Authenticators,
    DevicePushes,
    Devices,
    Editor,
    Enrolment,
    Grants,
    Organisation,
    People,
    PlannedTransfers,
    Registered,
    Revocations,
    Sanctions,
    Traffic,
    Transfers,
)
from copconnect.admin.reading import Reading
from copconnect.admin.reorganising import Reorganising
from copconnect.admin.rights import Rights
from copconnect.admin.signing import Enrolling, Signing
from copconnect.admin.training.kinds import lesson_kinds
from copconnect.admin.training.trainees import Trainees
from copconnect.admin.work_ports import (
    Exports,
    Groups,
    Imports,
    Lessons,
    Locks,
    LogAuthority,
    Moderation,
    Planning,
    Reorganiser,
)
from copconnect.audit import Audit
from copconnect.clock import Clock
from copconnect.database.engine import Database
from copconnect.principals import Caller


class AdminService:
    """All parts of administration."""

    def __init__(
        self,
        *,
        database: Database,
        clock: Clock,
        audit: Audit,
        organisation: Organisation,
        editor: Editor,
        transfers: Transfers,
        planned: PlannedTransfers,
        reorganiser: Reorganiser,
        people: People,
        enrolment: Enrolment,
        grants: Grants,
        revocations: Revocations,
        locks: Locks,
        devices: Devices,
        log_authority: LogAuthority,
        authenticators: Authenticators,
        registered: Registered,
        reach: DevicePushes,
        traffic: Traffic,
        imports: Imports,
        planning: Planning,
        groups: Groups,
        exports: Exports,
        sanctions: Sanctions,
        moderation: Moderation,
        lessons: Lessons,
        conduct: Conduct,
        guard: Guard,
        pictures: Pictures,
    ) -> None:
        self.rights = Rights(database, clock, audit, organisation, editor, grants, sanctions)
        self.kinds = Kinds(
            organisation,
            editor,
            transfers,
            planned,
            reorganiser,
            enrolment,
            grants,
            revocations,
            planning,
            groups,
            self.rights,
            authenticators,
            {
                **ImportKinds(imports, grants).table,
                **LockKinds(clock, organisation, grants, self.rights, locks).table,
                **ConductKinds(organisation, conduct, guard).table,
                **ModerationKinds(moderation).table,
                **PictureKinds(organisation, moderation, pictures).table,
                **lesson_kinds(lessons),
            },
        )
        self.trainees = Trainees(self.rights, organisation)
        signing = Signing(clock, editor, devices, authenticators)
        self.acting = Acting(database, clock, audit, self.rights, self.kinds, organisation, signing)
        self.locked = Locked(database, self.acting, locks)
        self.enrolling = Enrolling(database, self.rights, organisation, authenticators)
        self.reorganising = Reorganising(
            database, clock, self.rights, organisation, reorganiser, people, registered
        )
        parts = Parts(self.rights, organisation)
        self.reading = Reading(
            database, clock, audit, self.rights, parts, organisation, people, registered, reach
        )
        self.charting = Charting(database, clock, parts, organisation, people, registered, traffic)
        self.importing = Importing(database, self.rights, organisation, imports)
        self.organising = Organising(database, self.rights, organisation, planning, groups, planned)
        self.exporting = Exporting(
            database, audit, self.rights, signing, exports, conduct, devices, log_authority
        )
        self.conduct = ConductReading(
            database, self.rights, organisation, people, registered, conduct, guard
        )
        self.pictures = PictureReading(
            database, self.rights, organisation, pictures, list(guard.model.classes)
        )

    async def overview(self, caller: Caller) -> wire.AdminOverview:
        """Return what needs doing in the caller's part. Raises NotAllowed."""
        waiting = await self.acting.waiting(caller)
        return await self.reading.overview(caller, len(waiting.acts))
