"""The proofs of presence in the audit log: who was there for an act of weight. Pure.

The log itself enrols authenticators, so that a verifier needs nothing else: a device enrols its own
before it was confirmed or signed an act, afterwards another person does by a signed act. A hidden
entry may have enrolled an authenticator; its proof is checked all the same.
"""

from dataclasses import dataclass, field

from copconnect.audit.rules import Broken
from copconnect.limits import ACTS_OF_WEIGHT
from copconnect.records.primitives.fields import Refused
from copconnect.records.trust.admin_act import SignedAct
from copconnect.records.trust.authenticator import Authenticator
from copconnect.records.trust.presence import PIN, Presence


@dataclass(slots=True)
class PresenceVerifier:
    """Follows enrolments and checks proofs, in the order of the log."""

    _enrolled: dict[str, set[bytes]] = field(default_factory=dict)  # Keys, by person.
    _pins: dict[bytes, bytes] = field(default_factory=dict)  # The PIN's key of each device.
    _settled: set[bytes] = field(default_factory=set)  # Devices that enrol nothing themselves.
    _hidden: bool = False

    def hidden(self) -> None:
        """Follow an entry whose content is not known."""
        self._hidden = True

    def confirmed(self, device: bytes) -> None:
        """Follow a device's confirmation."""
        self._settled.add(device)

    def enrol_own(self, number: int, person: str, record: Authenticator) -> None:
        """Follow a device that enrols its own authenticator. Raises Broken."""
        if record.device in self._settled:
            raise Broken(number, "enrols an authenticator after its device was confirmed")
        self._enrolled.setdefault(person, set()).add(record.key())

    def enrol(self, number: int, by: str, person_id: str, record: Authenticator) -> None:
        """Follow an act by which an admin enrols somebody's authenticator. Raises Broken."""
        person = f"person {person_id}"
        if person == by:
            raise Broken(number, "enrols an authenticator of the same person")
        self._enrolled.setdefault(person, set()).add(record.key())

    def check(self, number: int, by: str, tag: str, act: SignedAct, presence: bytes) -> None:
        """Check the proof beside a signed act. Raises Broken."""
        self._settled.add(act.device)
        if tag not in ACTS_OF_WEIGHT:
            if presence:
                raise Broken(number, "has a proof of presence that nothing asked for")
            return
        try:
            proof = Presence.parse(presence)
            proof.verify(act.encode())
        except Refused as error:
            raise Broken(number, "does not prove that its person was there") from error
        enrolled = self._enrolled.get(by, set())
        if proof.algorithm == PIN:
            known = self._pins.setdefault(act.device, proof.key())
            counts = known == proof.key() and not enrolled
        else:
            counts = proof.key() in enrolled or self._hidden
        if not counts:
            raise Broken(number, "is proven by what is not enrolled")
