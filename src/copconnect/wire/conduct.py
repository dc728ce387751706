"""The code of conduct, the guard, and what the console shows of both."""

from typing import Annotated

from msgspec import Meta

from copconnect.ids import UnitId
from copconnect.wire.base import Language, Wire
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
    """``asks_again``: everybody accepts anew, and may do nothing before. ``by``: None for the text
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
    """The people of one unit, without the units below it. ``registered``: those who have a device
    and can accept; ``accepted``: those whose acceptance counts."""

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
    """``policy``: the JSON in force; ``classes``: those that the weights know; ``versions``: those
    that were set, the newest first, without the file that the server started with."""

    policy: str
    classes: list[str]
    versions: list[GuardPolicyVersion]
