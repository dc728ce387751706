"""Device keys, conversation keys, cell keys and their seals. Pure."""

import hmac
from typing import ClassVar, Self

from spec.keys.reference.basics import SECRET, TAG, H, Record, T, hkdf, require
from spec.keys.reference.certificates import Certificate
from spec.keys.reference.hpke import (
    ENC_BYTES,
    PrivateKey,
    check_public_key,
    derived_seed,
    hpke_open,
    hpke_seal,
    private_key,
    public_bytes,
)
from spec.keys.reference.people import DAY_MS, MINUTE_MS

KEY_ID = 16


class Sealable(Record):
    """A record that carries an HPKE public key."""

    def key_id(self) -> bytes:
        return H(self.unsigned())[:KEY_ID]


class DeviceKey(Sealable):
    label, rule = "copconnect device-key v1", "H2"
    layout = "kem:kem device:32 generation:u8 created:u8 pk:pk"

    def check(self, owner: Certificate, kem: int, now: int, former: Self | None = None) -> None:
        """Check what a sender must know before it seals to this key. ``former``: the newest key of
        the device that was seen. Convention: one generation has one record."""
        require(self.device == owner.device and self.kem == kem, self.rule, "another's key")
        self.verify(owner.public_key)
        check_public_key(self.kem, self.pk, self.rule)
        if former is not None and self.encode() != former.encode():
            require(self.generation > former.generation, "S3", "generation goes back")
        require(young(self.created, now, 14 * DAY_MS), "S3", "older than 14 days")


def young(created: int, now: int, limit: int) -> bool:
    """Convention: a record made more than 10 min from now is refused, as an old one is."""
    return now - limit < created <= now + 10 * MINUTE_MS


class Committed(Record):
    """A record that commits to a secret, which is sealed to one key after another."""

    purpose: ClassVar[str]  # "key" or "cell", in the labels.
    opening: ClassVar[str]  # The rule that refuses a seal that does not open to the secret.

    def place(self) -> bytes:
        raise NotImplementedError

    def matches(self, secret: bytes) -> None:
        right = commitment(self.purpose, secret, self.place())
        require(hmac.compare_digest(right, self.commit), self.opening, "secret is not the record's")

    def seal_info(self, key_id: bytes) -> bytes:
        return T(f"copconnect {self.purpose}-seal v1") + self.hash() + key_id

    def seal(self, secret: bytes, to: Sealable) -> bytes:
        """Return the seal to a device key or cell key: key id ‖ enc ‖ ct."""
        info = self.seal_info(to.key_id())
        return to.key_id() + hpke_seal(to.kem, to.pk, info, secret, "S3")

    def open(self, seal: bytes, kem: int, key_id: bytes, key: PrivateKey) -> bytes:
        size = KEY_ID + ENC_BYTES[kem] + SECRET + TAG
        require(len(seal) == size, self.opening, "seal has the wrong length")
        require(seal[:KEY_ID] == key_id, self.opening, "sealed to another key")
        secret = hpke_open(kem, key, self.seal_info(key_id), seal[KEY_ID:], self.opening)
        self.matches(secret)
        return secret


def commitment(purpose: str, secret: bytes, place: bytes) -> bytes:
    return hkdf(secret, place, T(f"copconnect {purpose}-commit v1"))


class ConversationKey(Committed):
    """Its key id is its hash."""

    label, rule, purpose, opening = "copconnect conversation-key v1", "S2", "key", "R6"
    layout = "conversation:16 author:32 epoch:u8 head:32 created:u8 commit:32"

    def place(self) -> bytes:
        return bytes(self.conversation)


class CellKey(Committed, Sealable):
    label, rule, purpose, opening = "copconnect cell-key v1", "S4", "cell", "C2"
    layout = """
        kem:kem conversation:16 cell:16 epoch:u8 generation:u2 head:32 author:32 created:u8
        commit:32 pk:pk
    """

    def place(self) -> bytes:
        return bytes(self.conversation + self.cell)

    def matches(self, secret: bytes) -> None:
        """Check C against the commitment and the public key: if the key pair did not come from C,
        whatever is sealed to the cell would open for the record's author alone."""
        super().matches(secret)
        pk = public_bytes(self.kem, derived_seed(self.kem, secret))
        require(pk == self.pk, self.opening, "public key is not the secret's")

    def private_key(self, secret: bytes) -> PrivateKey:
        return private_key(self.kem, derived_seed(self.kem, secret))
