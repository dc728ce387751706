"""Acts of moderators, and the words that acts and bodies of reports share."""

from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from copconnect.ids import PersonId, ReportId
from copconnect.limits import SANCTION_DAYS
from copconnect.wire.base import HEX16, AdminAct, Hex32, Wire

Finding = Literal["dismissed", "upheld"]
# "warning": to be acknowledged; "muted": no sending in large groups and announcements; "suspended":
# sending in direct conversations alone.
SanctionKind = Literal["warning", "muted", "suspended"]
ReportState = Literal["open", "assigned", "decided"]
AppealOutcome = Literal["upheld", "lifted"]
CaseBox = Literal["open", "mine", "decided", "appeals"]
# Why somebody with the right may not decide all the same: the case is theirs, as reporter or as the
# reported person; it is decided; they decided it first, or asked for the decision that waits.
CaseBar = Literal["own_case", "decided", "decided_first"]
ClauseNumber = Annotated[int, Meta(ge=1, le=255)]  # A rule of the code of conduct.
Reason = Annotated[str, Meta(min_length=1, max_length=1_000)]


class NewSanction(Wire, frozen=True, kw_only=True):
    """``days``: 0 for a warning."""

    kind: SanctionKind
    days: Annotated[int, Meta(ge=0, le=SANCTION_DAYS)]


# --- Acts -------------------------------------------------------------------------------------


class AssignReport(AdminAct, frozen=True, kw_only=True):
    """Take a case, or give back one's own."""

    recorded_as: ClassVar = "report_assigned"
    report_id: Annotated[ReportId, HEX16]
    take: bool


class DecideReport(AdminAct, frozen=True, kw_only=True):
    """Decide a case. ``header_hash``: of the reported message, which the signer judged; so a
    decision belongs to no other. A sanction other than a warning needs a second moderator."""

    recorded_as: ClassVar = "report_decided"
    report_id: Annotated[ReportId, HEX16]
    header_hash: Hex32
    person_id: Annotated[PersonId, HEX16]
    finding: Finding
    clause: ClauseNumber
    reason: Reason
    sanction: NewSanction | None


class DecideAppeal(AdminAct, frozen=True, kw_only=True):
    """Uphold a sanction or lift it, by a moderator who did not decide it."""

    recorded_as: ClassVar = "appeal_decided"
    report_id: Annotated[ReportId, HEX16]
    person_id: Annotated[PersonId, HEX16]
    outcome: AppealOutcome
    reason: Reason
