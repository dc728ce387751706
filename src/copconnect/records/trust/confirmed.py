"""Rules by which devices are confirmed, how and by whom (E0). Pure; judges a ``Trust`` by
``judging``."""

from dataclasses import dataclass
from enum import Enum

from copconnect.records.primitives.fields import Refused, require
from copconnect.records.trust.department import Policy
from copconnect.records.trust.device import Certificate
from copconnect.records.trust.endorsement import EndorsementKind
from copconnect.records.trust.judging import EVER, counts, endorsement_before, is_first
from copconnect.records.trust.trust import Trust


class How(Enum):
    """How a device is confirmed. The last is shown beside the name."""

    ROOT_ADMIN = "root admin"
    OWN_DEVICE = "own device"
    ADMIN = "admin"
    NOT_APPROVED = "not approved"


@dataclass(frozen=True, slots=True)
class ConfirmedDevice:
    """A confirmed device; ``by``: the endorser's device; ``since``: the endorsement's date."""

    certificate: Certificate
    how: How
    by: bytes | None = None
    since: int = 0

    @property
    def device(self) -> bytes:
        """The device's id."""
        return self.certificate.device

    @property
    def person_id(self) -> bytes:
        """The device's person."""
        return self.certificate.person_id

    @property
    def public_key(self) -> bytes:
        """The device's signature key."""
        return self.certificate.public_key


def confirmed(trust: Trust, device: bytes, at: int, rule: str = "E0") -> ConfirmedDevice:
    """Return how a device is confirmed; certificate and loss count at ``at``.

    Raises Refused with this rule if it is not.
    """
    certificate = trust.certificate(device, at)
    if certificate is None:
        known = device in trust.certificates
        reason = "certificate is not valid then" if known else "certificate is unknown: fetch it"
        raise Refused(rule, f"not confirmed: {reason}")
    lost = lost_from(trust, device)
    require(lost is None or at < lost, rule, "not confirmed: revoked")
    listed = device in trust.devices_of(certificate.person_id)
    require(listed, rule, "not confirmed: not among its person's devices")
    if device in trust.department.admins:
        return ConfirmedDevice(certificate, How.ROOT_ADMIN)
    endorsement = endorsement_before(trust, device, EVER)
    if endorsement is not None:
        own = endorsement.record.kind == EndorsementKind.OWN_DEVICE
        how = How.OWN_DEVICE if own else How.ADMIN
        return ConfirmedDevice(certificate, how, endorsement.record.endorser, endorsement.created)
    if trust.department.policy == Policy.NONE and is_first(trust, device, certificate.person_id):
        return ConfirmedDevice(certificate, How.NOT_APPROVED)
    raise Refused(rule, "not confirmed: nobody endorsed it")


def lost_from(trust: Trust, device: bytes) -> int | None:
    """Return the earliest time of loss that a counting revocation names, or None."""
    losses = trust.memory.losses
    if device not in losses:
        known = trust.revocations.get(device, ())
        return trust.memory.derive(
            losses,
            device,
            lambda: min((one.record.lost for one in known if counts(trust, one)), default=None),
        )
    return losses[device]
