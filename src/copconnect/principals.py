"""Callers, operators, devices, standing groups and news, as roles hand them to each other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Literal, NamedTuple

from copconnect import wire
from copconnect.ids import ClientId, ConversationId, MessageId, PersonId, Seq, UnitId


class Requirement(Enum):
    """A duty that an account must have done before it may act."""

    CONDUCT = auto()
    """The person accepts the current code of conduct."""

    TRAINING = auto()
    """The person does the officer course. Only large groups ask for it (D1)."""


NOTHING: frozenset[Requirement] = frozenset()
TOLERATED_EVERYWHERE = frozenset({Requirement.TRAINING})


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated client. ``device``: the id of docs/keys.md. ``outstanding``: what the
    account still owes; a route that does not tolerate all of it refuses. ``confirmed``: by E0.
    ``public_key``: the device's Ed25519 key, which its id binds. An empty key verifies no
    signature."""

    person_id: PersonId
    client_id: ClientId
    device: bytes
    outstanding: frozenset[Requirement]
    confirmed: bool = True
    records_version: int = 0  # The version of the records about the person.
    me_version: str = ""  # As in wire.Ready.
    public_key: bytes = b""

    @property
    def refused_for(self) -> frozenset[Requirement]:
        """The duties without which a route refuses."""
        return self.outstanding - TOLERATED_EVERYWHERE

    @property
    def counted_as(self) -> PersonId:
        """The name under which limits count the caller: the person's, but for a device that is not
        confirmed its own. A device of a thief takes nothing from the officer's phones."""
        return self.person_id if self.confirmed else PersonId(self.client_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class PeopleQuery:
    """All that is given must fit a person. ``after``: a page's ``next``."""

    text: str = ""
    unit: str | None = None
    deep: bool = True
    rank: str | None = None
    role: str | None = None
    status: str | None = None
    after: str | None = None
    limit: int = 100


@dataclass(frozen=True, slots=True)
class Operator:
    """Somebody who runs a command on the server. ``login``: of the operating system."""

    login: str


SignedAs = Literal["act", "endorsement", "authenticator"]


@dataclass(frozen=True, slots=True)
class Signer:
    """A person whose device signed what is done. ``record``: the signed bytes, of the kind
    ``signed_as``; ``path``: of a unit at or above all that it touches, "" for the department;
    ``presence``: the proof that the person was there, of an act of weight."""

    person_id: PersonId
    device: bytes
    signed_as: SignedAs
    record: bytes
    path: str
    presence: bytes = b""


Principal = Operator | Caller | Signer


def named(principal: Principal) -> str:
    """Return a principal as the audit log names it."""
    if isinstance(principal, Operator):
        return f"operator {principal.login}"
    return f"person {principal.person_id} device {principal.device.hex()}"


@dataclass(frozen=True, slots=True)
class Ended:
    """The remains of an access token that ended. ``revocation``: the record that revoked the
    device, by another device if one did (E6); ``lock``: of a locked device, as in
    errors.SignedOut."""

    reason: str  # As in errors.SignedOut.
    revocation: bytes | None = None
    lock: Mapping[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Lock:
    """A lock on the devices of a person who lost a phone. ``by``: the person who asked for it."""

    since_ms: int
    by: PersonId


class Acceptance(NamedTuple):
    """The newest version of the code of conduct that a person accepted. ``counts``: no later
    version asks again."""

    version: int
    accepted_ms: int
    counts: bool


@dataclass(frozen=True, slots=True)
class ListedDevice:
    """A device that rosters may list (E2): confirmed, not revoked, its certificate valid."""

    device: bytes
    client_id: ClientId
    person_id: PersonId


@dataclass(frozen=True, slots=True)
class DeviceKeyRow:
    """A DeviceKey that a seal may name: a device's newest, or the one before for an hour."""

    kem: int
    key_id: bytes
    record: bytes


@dataclass(frozen=True, slots=True)
class Plate:
    """The content of a person's card (docs/keys.md, PersonCard), as the data bank has it.

    ``names``, ``rank``, ``post`` and ``unit``: (ISO 15924 script, text), ascending by script.
    ``changed_ms``: when any of it last changed.
    """

    names: tuple[tuple[str, str], ...]
    rank: tuple[tuple[str, str], ...]
    post: tuple[tuple[str, str], ...]
    unit: tuple[tuple[str, str], ...]
    path: str
    changed_ms: int


@dataclass(frozen=True, slots=True)
class StandingGroup:
    """A conversation that the department's policy makes, and the line of the policy."""

    standing: wire.Standing
    rule: wire.Audience
    policy: wire.GroupPolicy


@dataclass(frozen=True, slots=True)
class PostToAsk:
    """A post that somebody writes to: its title and unit."""

    title: wire.Names
    unit_id: UnitId


@dataclass(frozen=True, slots=True)
class RightsBasis:
    """A person as one whom acts are about: rights over them rest on the unit of their post.

    ``path``: of that unit, as cards write it; ``charged``: of the units of the person's charges.
    """

    status: str
    path: str
    charged: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class HeldPlace:
    """A place in the organisation that a person holds: the own post or a charge beside it.

    ``path``: of its unit, as cards write it; ``level``: of the unit; ``head``: heads the unit.
    """

    path: str
    level: str
    roles: frozenset[str]
    head: bool


@dataclass(frozen=True, slots=True)
class AcceptedMessage:
    """A message that is being stored, with its place in the log. ``header_hash``: H(header ‖
    signature)."""

    message_id: MessageId
    conversation_id: ConversationId
    seq: Seq
    header_hash: bytes
    person_id: PersonId
    sent_ms: int


@dataclass(frozen=True, slots=True)
class Loud:
    """Messages for people. ``seq``: of the newest; ``sender``: the one person whose they are; None:
    several people's. ``calls_all``: they are flash orders or mention everybody, and wake all."""

    seq: Seq
    sender: PersonId | None
    calls_all: bool


@dataclass(frozen=True, slots=True)
class News:
    """Messages of a conversation that devices have had time to receive. ``upto``: the newest of
    them. ``loud``: the ones that are for people, messages that call everybody first. ``more``:
    newer ones follow."""

    kind: str
    devices: int
    upto: Seq
    loud: Sequence[Loud]
    more: bool


@dataclass(frozen=True, slots=True)
class Holder:
    """The rank and the places of an active person: what the person's own rights rest on."""

    rank: str
    places: tuple[HeldPlace, ...]


@dataclass(frozen=True, slots=True)
class Bar:
    """A sanction that takes the right to send. ``kind`` "muted": in large groups and announcements;
    "suspended": everywhere but in direct conversations."""

    kind: Literal["muted", "suspended"]
    until_ms: int


@dataclass(frozen=True, slots=True)
class LoggedMessage:
    """A message of the log, as somebody reports it. ``readable``: the person who asks could read
    it."""

    sender_id: PersonId
    header_hash: bytes
    sent_ms: int
    readable: bool
