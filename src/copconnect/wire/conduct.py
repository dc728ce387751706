"""The code of conduct, the guard and known pictures, and what the console shows of them."""

from typing import Annotated, ClassVar

from msgspec import Meta

from copconnect.ids import ReportId, UnitId
from copconnect.wire.base import HEX16, AdminAct, Hex32, Language, Wire
from copconnect.wire.directory import Person


class ConductText(Wire, frozen=True, kw_only=True):
    """A version of the code in one language. ``rules``: plain sentences, in order; the rule with a
    number says the same in every language."""

    language: Language
    title: str
    rules: list[str]


class ConductCode(Wire, frozen=True, kw_only=True):
    """``version``: 1 for the text that is shipped, then one more each time."""

    version: int
    created_ms: int
    language: Language
    title: str
    rules: list[str]


class AcceptConduct(Wire, frozen=True, kw_only=True):
    version: Annotated[int, Meta(ge=1, le=2**31 - 1)]
    language: Language


class ConductVersion(Wire, frozen=True, kw_only=True):
    """``asks_again``: everybody accepts again, and may do nothing before. ``by``: None for the text
    that is shipped and for what an operator published."""

    version: int
    created_ms: int
    by: Person | None
    asks_again: bool


class ConductVersions(Wire, frozen=True, kw_only=True):
    """The versions, the newest first, and the text of the newest. ``required``: acceptances of this
    version and of later ones count."""

    versions: list[ConductVersion]
    required: int
    texts: list[ConductText]


class ConductTexts(Wire, frozen=True, kw_only=True):
    version: int
    texts: list[ConductText]


class ConductUnit(Wire, frozen=True, kw_only=True):
    """The people of one unit, without the units below it. ``registered``: people who have a device
    and can accept; ``accepted``: people whose acceptance counts."""

    unit_id: UnitId
    people: int
    registered: int
    accepted: int


class ConductAcceptances(Wire, frozen=True, kw_only=True):
    required: int
    units: list[ConductUnit]


class Guard(Wire, frozen=True, kw_only=True):
    record: bytes  # A GuardRecord: weights by hash, the policy whole.


class GuardWeights(Wire, frozen=True, kw_only=True):
    weights: bytes  # The file of weights that the record names.


class GuardPolicyVersion(Wire, frozen=True, kw_only=True):
    """``by``: None where an operator set it."""

    number: int
    created_ms: int
    by: Person | None


class GuardPolicies(Wire, frozen=True, kw_only=True):
    """``policy``: the JSON in force; ``classes``: classes that the weights know; ``versions``:
    versions that were set, the newest first, without the file that the server started with."""

    policy: str
    classes: list[str]
    versions: list[GuardPolicyVersion]


PictureReason = Annotated[str, Meta(max_length=500)]


class MarkPicture(AdminAct, frozen=True, kw_only=True):
    """Let the guard know a picture of a reported message by its perceptual hash. ``report_id``: the
    case that shows it; ``claimed``: a class of the weights. Always needs a second moderator."""

    recorded_as: ClassVar = "picture_marked"
    always_second: ClassVar = True
    hash: Hex32
    claimed: Annotated[str, Meta(min_length=1, max_length=32)]
    report_id: Annotated[ReportId, HEX16]
    reason: PictureReason


class UnmarkPicture(AdminAct, frozen=True, kw_only=True):
    """Let the guard forget a picture. Always needs a second moderator."""

    recorded_as: ClassVar = "picture_unmarked"
    always_second: ClassVar = True
    hash: Hex32
    reason: PictureReason


class MarkedPictures(Wire, frozen=True, kw_only=True):
    """``hashes``: 32 bytes for each picture."""

    claimed: str
    hashes: bytes


class GuardPictures(Wire, frozen=True, kw_only=True):
    """The changes from the list of one number to that of another. ``unmarked``: 32 bytes each."""

    after: int
    number: int
    marked: list[MarkedPictures]
    unmarked: bytes


class KnownPicture(Wire, frozen=True, kw_only=True):
    """``path``: the unit whose moderators may take it away; ``removable``: the reader is one;
    ``by``: who asked for the mark, None for somebody who is in the data bank no more."""

    hash: str
    claimed: str
    reason: str
    report_id: ReportId
    path: str
    by: Person | None
    marked_ms: int
    removable: bool


class KnownPictures(Wire, frozen=True, kw_only=True):
    """A page of the pictures that are marked now, the newest first. ``most``: the limit of their
    number; ``classes``: classes that the weights know."""

    pictures: list[KnownPicture]
    total: int
    most: int
    classes: list[str]
    next: int | None
