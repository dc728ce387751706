"""Identities: certificates, the department's records, people's devices and how they are confirmed.

Every ``bytes`` here that names no other form is a signed record of docs/keys.md.
"""

from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from copconnect.ids import ClientId, ConfirmationId, DeviceId, PersonId
from copconnect.limits import MAX_RECORD_BYTES, MAX_REVOCATION_BYTES
from copconnect.wire.base import HEX16, HEX32, AdminAct, Hex16, Wire
from copconnect.wire.directory import Person

Record = Annotated[bytes, Meta(min_length=1, max_length=MAX_RECORD_BYTES)]
Half = Annotated[bytes, Meta(min_length=16, max_length=16)]  # A random half of E3's comparison.
# How the server judges a device by E0: the device itself judges for itself.
Confirmed = Literal["root_admin", "own_device", "admin", "first", "no"]


class Trust(Wire, frozen=True, kw_only=True):
    """The keys and records by which a device judges certificates and records. ``version`` grows
    with every change.

    ``root`` is pinned at registration; everything else must verify under it.
    """

    version: int
    root: bytes  # DER.
    issuing: list[bytes]  # DER, issued by the root.
    roster_authority: bytes  # DER, issued by the root.
    departments: list[bytes]  # Every department record, ascending by number.
    incarnation: bytes | None  # The newest Incarnation (S8); None: no backup was ever restored.


class PersonTrust(Wire, frozen=True, kw_only=True):
    """All that is signed about one person."""

    person_id: PersonId
    devices: list[bytes]  # Every PersonDevices record, ascending by number.
    certificates: list[bytes]  # DER; of all the person's devices, as long as the log is kept.
    cards: list[bytes]  # PersonCards, ascending by number.
    endorsements: list[bytes]  # About this person's devices.
    grants: list[bytes]  # To this person.
    revocations: list[bytes]  # About this person's devices.
    keys: list[bytes]  # The newest DeviceKey of each device and KEM; empty unless asked for.


class KnownPerson(Wire, frozen=True, kw_only=True):
    """The name (docs/protocol.md) of the newest answer about a person whose every record the asking
    device verified and holds; empty for none."""

    person_id: Annotated[PersonId, HEX16]
    held: Annotated[bytes, Meta(max_length=32)]


class LookUpTrust(Wire, frozen=True, kw_only=True):
    people: Annotated[list[KnownPerson], Meta(max_length=500)]
    keys: bool


class PeopleTrust(Wire, frozen=True, kw_only=True):
    """The asked people about whom the device holds another answer, and, transitively, the people
    whose devices endorsed or granted and who were not asked about. ``untold``: asked people whom
    the server does not show to a device that is not confirmed; of people in neither list the device
    holds the newest answer."""

    people: list[PersonTrust]
    untold: list[PersonId]


class ClientInfo(Wire, frozen=True, kw_only=True):
    client_id: ClientId
    device: Annotated[DeviceId, HEX32]
    label: str
    created_ms: int
    last_seen_ms: int | None
    certificate_expires_ms: int
    revoked: bool
    confirmed: Confirmed
    locked_ms: int | None  # Since when it is locked as lost.


class LockDevices(AdminAct, frozen=True, kw_only=True):
    """Lock all devices of a person whose phone is lost. Nothing on them is erased."""

    recorded_as: ClassVar = "devices_locked"
    person_id: Annotated[PersonId, HEX16]


class UnlockDevices(AdminAct, frozen=True, kw_only=True):
    """Unlock the locked devices of a person."""

    recorded_as: ClassVar = "devices_unlocked"
    person_id: Annotated[PersonId, HEX16]


LockAct = LockDevices | UnlockDevices


class PhoneLock(Wire, frozen=True, kw_only=True):
    """Whether a person's devices are locked as lost. ``locked_ms`` and ``by``: since when and who
    asked for it; None where they are not, or the caller may neither lock nor unlock them."""

    locked_ms: int | None
    by: PersonId | None
    may_lock: bool
    may_unlock: bool


class Confirmer(Wire, frozen=True, kw_only=True):
    """Somebody who can confirm a device. ``number``: E.164; "" where the caller is not shown it."""

    person_id: PersonId
    number: str


class Me(Wire, frozen=True, kw_only=True):
    """``confirmers``: the people who can confirm this device, nearest first, at most 5; none for
    one that is confirmed. ``version``: as ``Ready.me_version``."""

    version: str
    person: Person
    client_id: ClientId
    device: Annotated[DeviceId, HEX32]
    confirmed: Confirmed
    confirmers: list[Confirmer]
    clients: list[ClientInfo]
    conduct_version: int | None  # The version this account accepted, if any.
    conduct_accepted_ms: int | None
    conduct_required: int  # An acceptance of this version or a later one counts.
    unit_admin: bool


class RenameClient(Wire, frozen=True, kw_only=True):
    label: Annotated[str, Meta(min_length=1, max_length=64)]


class PutDeviceKeys(Wire, frozen=True, kw_only=True):
    """DeviceKey records of the calling device: a higher generation, or the same bytes again."""

    keys: Annotated[list[Record], Meta(max_length=4)]


class AskTime(Wire, frozen=True, kw_only=True):
    nonce: Hex16


class TimeAnswer(Wire, frozen=True, kw_only=True):
    time: bytes


class SubmitEndorsement(Wire, frozen=True, kw_only=True):
    """The server lists the endorsed device in the same transaction. Idempotent by its bytes.

    ``revocations``: with an admin's, of each former device of the person that the roster authority
    alone revoked (E4). They list everything that the device made, and undo nothing.
    """

    endorsement: Record
    revocations: Annotated[
        list[Annotated[bytes, Meta(max_length=MAX_REVOCATION_BYTES)]], Meta(max_length=255)
    ]


class Grants(Wire, frozen=True, kw_only=True):
    grants: list[bytes]


class MadeRecords(Wire, frozen=True, kw_only=True):
    """Every endorsement and grant that one device made, for somebody who revokes it: the revocation
    lists what of it still counts. ``people``: the trust of the people they are about."""

    endorsements: list[bytes]
    grants: list[bytes]
    people: list[PersonTrust]


class SubmitRevocation(Wire, frozen=True, kw_only=True):
    """The server ends the device's token and unlists it in the same transaction. It is longer than
    other records: it lists what the device made that still counts."""

    revocation: Annotated[bytes, Meta(min_length=1, max_length=MAX_REVOCATION_BYTES)]


class UnconfirmedDevice(Wire, frozen=True, kw_only=True):
    person: Person
    device: Annotated[DeviceId, HEX32]
    client_id: ClientId
    label: str
    registered_ms: int


class UnconfirmedDevices(Wire, frozen=True, kw_only=True):
    """Devices of the caller's own person and of the units that the caller may confirm for."""

    devices: list[UnconfirmedDevice]


class BeginConfirmation(Wire, frozen=True, kw_only=True):
    """The endorser begins to compare digits (E3) with its commitment."""

    confirmation_id: Annotated[ConfirmationId, HEX16]
    new_device: Annotated[DeviceId, HEX32]
    commitment: Annotated[bytes, Meta(min_length=32, max_length=32)]


class AnswerConfirmation(Wire, frozen=True, kw_only=True):
    """The new device's half, once for each confirmation."""

    answer: Half


class RevealConfirmation(Wire, frozen=True, kw_only=True):
    """The endorser's half, after the answer."""

    secret: Half


class Confirmation(Wire, frozen=True, kw_only=True):
    """A comparison of digits under way; the server passes the halves on and decides nothing."""

    confirmation_id: ConfirmationId
    endorser_person_id: PersonId
    endorser_device: Annotated[DeviceId, HEX32]
    new_device: Annotated[DeviceId, HEX32]
    commitment: bytes
    answer: bytes | None
    secret: bytes | None
    created_ms: int
    expires_ms: int


class Confirmations(Wire, frozen=True, kw_only=True):
    """Comparisons that the calling device takes part in."""

    confirmations: list[Confirmation]


class LogConsistency(Wire, frozen=True, kw_only=True):
    """The hashes of the proof that a larger audit log continues from a smaller one (RFC 6962)."""

    proof: list[bytes]


# --- The person before an act of weight -------------------------------------------------------

AuthenticatorText = Annotated[
    str, Meta(pattern="^[A-Za-z0-9+/]+={0,2}$", max_length=4 * (MAX_RECORD_BYTES // 3 + 1))
]
Exported = Literal["people", "units", "posts", "audit", "conduct"]
ExportForm = Literal["xlsx", "csv", "jsonl"]  # The last for the log, to be verified.


class EnrolAuthenticator(AdminAct, frozen=True, kw_only=True):
    """Enrol an authenticator of another person, whose device asked for it. ``authenticator``: the
    record that the device signed."""

    recorded_as: ClassVar = "authenticator_enrolled"
    person_id: Annotated[PersonId, HEX16]
    authenticator: AuthenticatorText


class ExportPart(AdminAct, frozen=True, kw_only=True):
    """Write the signer's part to a file; sent to ``/v1/admin/exports``, which answers with it."""

    recorded_as: ClassVar = "directory_exported"
    what: Exported
    form: ExportForm


class Authenticators(Wire, frozen=True, kw_only=True):
    """The authenticators of the caller that count, as their devices signed them. ``host``: the
    name that they are made for; "": this server takes none. ``ever``: one was enrolled before, so
    that a PIN proves nothing; ``asked``: the record that waits for another admin; ``enrols``: this
    device is not confirmed yet, and so enrols one without another admin."""

    host: str
    enrolled: list[bytes]
    ever: bool
    asked: bytes | None
    enrols: bool


class AddAuthenticator(Wire, frozen=True, kw_only=True):
    """A credential that was made on the calling device. ``attestation`` and ``client_data``: as
    WebAuthn answers."""

    authenticator: Annotated[bytes, Meta(min_length=1, max_length=MAX_RECORD_BYTES)]
    attestation: Annotated[bytes, Meta(max_length=16_384)]
    client_data: Annotated[bytes, Meta(max_length=MAX_RECORD_BYTES)]


class AuthenticatorAsked(Wire, frozen=True, kw_only=True):
    """An authenticator that a person of the caller's part asks another admin to enrol.
    ``authenticator``: the record that the person's device signed."""

    person: Person
    label: str  # The device's.
    authenticator: bytes


class AuthenticatorsAsked(Wire, frozen=True, kw_only=True):
    asked: list[AuthenticatorAsked]
