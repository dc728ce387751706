"""Public knowledge, held once for all devices of a process: trust, heads, proofs, records.

It comes to a process as it comes to a device: the department's trust by HTTP, the rest in
supplements and pages of the log. Every signature in it is checked, once. While ``sharing``, a
message's own signature is checked once, too, and so is whether its sender is confirmed and listed;
without, each device does so for itself, as each phone does.
"""

from collections.abc import Iterable

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from copconnect import wire
from copconnect.records.conversation.message import MessageHeader, check_signed, parse_message
from copconnect.records.conversation.roster import Leaf
from copconnect.records.trust.confirmed import ConfirmedDevice
from copconnect.records.trust.department import Department
from copconnect.records.trust.device import Certificate
from copconnect.records.trust.endorsement import Endorsement
from copconnect.records.trust.grant import Grant
from copconnect.records.trust.naming import name_of
from copconnect.records.trust.person_card import PersonCard
from copconnect.records.trust.person_devices import PersonDevices
from copconnect.records.trust.revocation import Revocation
from copconnect.records.trust.trust import Trust
from copconnect.sealing.view import Parsed, PublicView

_DEVICE_IN_LEAF = slice(32, 64)  # After cell id and person id.
_SENDERS_CACHED = 4_096


class People:
    """The trust in a department and its people."""

    def __init__(self, trust: wire.Trust) -> None:
        root = _key_of(trust.root)
        self.trust = Trust(root, [Department.parse(one) for one in trust.departments])
        self._issuing = tuple(map(_key_of, trust.issuing))
        self._held: dict[str, bytes] = {}  # Names of answers.
        self.changes = 0  # Remembered verdicts are forgotten when this is another number.

    def lacking(self, person_ids: Iterable[str]) -> list[str]:
        """Return those of these people about whom nothing is known."""
        return [one for one in person_ids if one not in self._held]

    def learn(self, people: Iterable[wire.PersonTrust]) -> None:
        """Take in what is signed about people. Raises Refused."""
        for one in people:
            signed = [*one.devices, *one.certificates, *one.cards, *one.endorsements]
            name = name_of([*signed, *one.grants, *one.revocations])
            if self._held.get(one.person_id) == name:
                continue
            self._held[one.person_id] = name
            self.changes += 1
            for der in one.certificates:
                self.trust.add_certificate(Certificate.parse(der, self._issuing))
            for record in one.devices:
                self.trust.add_person_devices(PersonDevices.parse(record))
            for record in one.cards:
                self.trust.add_card(PersonCard.parse(record))
            for record in one.endorsements:
                self.trust.add_endorsement(Endorsement.parse(record))
            for record in one.grants:
                self.trust.add_grant(Grant.parse(record))
            for record in one.revocations:
                self.trust.add_revocation(Revocation.parse(record))


class SharedView(PublicView):
    """A conversation's public parts for the devices of a process."""

    def __init__(self, people: People, conversation_id: str) -> None:
        super().__init__(people.trust, bytes.fromhex(conversation_id))
        self._people = people
        self._senders: dict[tuple[bytes, int, int], tuple[ConfirmedDevice, Leaf]] = {}
        self._judged_at = 0
        self.sharing = True

    def learn(self, heads: Iterable[bytes], proofs: Iterable[wire.EpochProof]) -> None:
        """Take in signed heads, and proofs under them. Raises Refused."""
        for head in heads:
            self.add_head(head)
        for one in proofs:
            self.add_proof(one.epoch, one.proof[_DEVICE_IN_LEAF], one.proof)

    def sender(self, header: MessageHeader, epoch: int) -> tuple[ConfirmedDevice, Leaf]:
        """Check R2, once for each sender, time and head while sharing."""
        if not self.sharing:
            return super().sender(header, epoch)
        if self._judged_at != self._people.changes:
            self._senders.clear()
            self._judged_at = self._people.changes
        key = header.sender, header.sent, epoch
        found = self._senders.get(key)
        if found is None:
            if len(self._senders) >= _SENDERS_CACHED:
                self._senders.clear()
            found = self._senders[key] = super().sender(header, epoch)
        return found

    def parsed(self, message: bytes) -> Parsed:
        """Return a message in parts (R1)."""
        if self.sharing:
            return super().parsed(message)
        header, body = parse_message(message, self.conversation_id)
        return Parsed(header, body, b"", header.hash(), header.aad())

    def check_signed(self, parsed: Parsed, key: bytes) -> None:
        """Check R3."""
        if self.sharing:
            super().check_signed(parsed, key)
        else:
            check_signed(parsed.header, parsed.body, key)


def _key_of(der: bytes) -> bytes:
    key = x509.load_der_x509_certificate(der).public_key()
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError("not an Ed25519 key")
    return key.public_bytes_raw()
