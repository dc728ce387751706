"""Bodies of reports, cases, sanctions and appeals."""

from typing import Annotated, Literal

from msgspec import Meta

from copconnect.ids import ConversationId, MessageId, PersonId, ReportId
from copconnect.limits import MAX_APPEAL_BYTES, MAX_REPORT_BYTES
from copconnect.wire.base import HEX16, Wire
from copconnect.wire.directory import Person
from copconnect.wire.reports.acts import (
    AppealOutcome,
    CaseBar,
    ClauseNumber,
    Finding,
    NewSanction,
    ReportState,
    SanctionKind,
)

# --- Reporting --------------------------------------------------------------------------------


class ReportReaders(Wire, frozen=True, kw_only=True):
    """The people to whose devices a report of this message is sealed."""

    people: list[Person]


class SubmitReport(Wire, frozen=True, kw_only=True):
    """Idempotent by ``report_id``, which the reporter chooses. ``header_hash``: H(header ‖
    signature) of the reported message; ``messages``: how many the proof has; ``sealed``: the
    envelope (F2)."""

    report_id: Annotated[ReportId, HEX16]
    conversation_id: Annotated[ConversationId, HEX16]
    message_id: Annotated[MessageId, HEX16]
    header_hash: Annotated[bytes, Meta(min_length=32, max_length=32)]
    clause: ClauseNumber
    messages: Annotated[int, Meta(ge=1, le=6)]
    sealed: Annotated[bytes, Meta(min_length=1, max_length=MAX_REPORT_BYTES)]


class OwnReport(Wire, frozen=True, kw_only=True):
    """A report of the caller's: its state, and nothing of who decides."""

    report_id: ReportId
    conversation_id: ConversationId
    message_id: MessageId
    clause: int
    created_ms: int
    state: ReportState
    finding: Finding | None
    decided_ms: int | None


class OwnReports(Wire, frozen=True, kw_only=True):
    """Newest first."""

    reports: list[OwnReport]


# --- Moderating -------------------------------------------------------------------------------


class Case(Wire, frozen=True, kw_only=True):
    """A report as moderators see it. ``path``: of the reported person's unit when it came;
    ``others``: other reports of the same message; ``key_ids``: of the caller's DeviceKeys
    that open it; ``appealed``: an appeal waits."""

    report_id: ReportId
    conversation_id: ConversationId
    message_id: MessageId
    header_hash: bytes
    created_ms: int
    reported_id: PersonId
    path: str
    clause: int
    messages: int
    state: ReportState
    assignee_id: PersonId | None
    finding: Finding | None
    decided_ms: int | None
    others: int
    appealed: bool
    key_ids: list[bytes]


class Cases(Wire, frozen=True, kw_only=True):
    """``next``: the ``after`` of the next page. ``people``: whom the cases name."""

    cases: list[Case]
    people: list[Person]
    next: str | None


class Decision(Wire, frozen=True, kw_only=True):
    """The decision of moderators. ``second_id``: the one who agreed, where two were needed."""

    by_id: PersonId
    second_id: PersonId | None
    at_ms: int
    finding: Finding
    clause: int
    reason: str
    sanction: NewSanction | None


CaseEnvelope = Literal["report", "appeal"]


class AddedSeal(Wire, frozen=True, kw_only=True):
    """The secret of a proof's or an appeal's envelope, sealed to one more device by a moderator who
    opened it (F3). ``seal``: enc ‖ ct."""

    key_id: Annotated[bytes, Meta(min_length=16, max_length=16)]
    kem: int
    seal: Annotated[bytes, Meta(min_length=1, max_length=2_048)]


class SubmitSeals(Wire, frozen=True, kw_only=True):
    """Idempotent: a moderator seals an envelope to a device key once."""

    envelope: CaseEnvelope
    seals: Annotated[list[AddedSeal], Meta(min_length=1, max_length=64)]


class SealsAdded(Wire, frozen=True, kw_only=True):
    """``seals``: how many moderators added to this envelope in all."""

    seals: int


class WantingDevice(Wire, frozen=True, kw_only=True):
    """A moderator's device that cannot open an envelope."""

    person_id: PersonId
    device: bytes


class WantingCase(Wire, frozen=True, kw_only=True):
    """A case that moderate people whose devices its proof, or the appeal, is not sealed to."""

    report_id: ReportId
    devices: list[WantingDevice]


class WantingCases(Wire, frozen=True, kw_only=True):
    """``next``: the ``after`` of the next page."""

    cases: list[WantingCase]
    next: str | None


class Appeal(Wire, frozen=True, kw_only=True):
    """``sealed``: the appeal's envelope (F2); ``seals``: seals that other moderators added for the
    caller's devices; ``outcome``: None while it waits."""

    sealed: bytes
    seals: list[AddedSeal]
    created_ms: int
    outcome: AppealOutcome | None
    reason: str
    decided_ms: int | None


class CaseDetail(Wire, frozen=True, kw_only=True):
    """A case with its sealed proof; ``sealed`` None: the proof is kept no more; ``seals``: seals
    that other moderators added for the caller's devices. ``bar``,
    ``appeal_bar``: why the caller may not decide the case, or the appeal."""

    case: Case
    people: list[Person]
    sealed: bytes | None
    seals: list[AddedSeal]
    decision: Decision | None
    sanction: "Sanction | None"
    appeal: Appeal | None
    bar: CaseBar | None
    appeal_bar: CaseBar | None


class CountedReports(Wire, frozen=True, kw_only=True):
    """Reports of a unit, or about a clause. ``path``: "" in the list by clauses; ``clause``: 0 in
    the list by units."""

    path: str
    clause: int
    open: int
    dismissed: int
    upheld: int


class ReportStatistics(Wire, frozen=True, kw_only=True):
    """Counts without names. ``median_ms``: from a report to its decision; None: none is decided."""

    from_ms: int
    open: int
    dismissed: int
    upheld: int
    appeals: int
    lifted: int
    median_ms: int | None
    units: list[CountedReports]
    clauses: list[CountedReports]


# --- Sanctions --------------------------------------------------------------------------------


class Sanction(Wire, frozen=True, kw_only=True):
    """A sanction, named by its report. ``until_ms`` equals ``from_ms`` for a warning. ``appeal``:
    its state; ``ended_ms``: when it ended before its time, because an appeal lifted it."""

    report_id: ReportId
    person_id: PersonId
    kind: SanctionKind
    from_ms: int
    until_ms: int
    clause: int
    reason: str
    appeal: Literal["none", "open", "upheld", "lifted"]
    appeal_reason: str
    acknowledged_ms: int | None
    ended_ms: int | None


class Sanctions(Wire, frozen=True, kw_only=True):
    """The caller's, newest first."""

    sanctions: list[Sanction]


class SubmitAppeal(Wire, frozen=True, kw_only=True):
    """``sealed``: the words, sealed to moderators who did not decide (F2)."""

    sealed: Annotated[bytes, Meta(min_length=1, max_length=MAX_APPEAL_BYTES)]
